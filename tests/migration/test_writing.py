"""The writing loop over a part of the plan: each worker writes its records, and all of them together the whole."""

from __future__ import annotations

import threading
from pathlib import Path

from netdoctor.migration.batches import Limits
from netdoctor.migration.ledger import open_ledger
from netdoctor.migration.plan import make_plan
from netdoctor.migration.points import Layout, point_id
from netdoctor.migration.retry import Retry
from netdoctor.migration.sources.export_json import ExportJson
from netdoctor.migration.target import Transport
from netdoctor.migration.tracked import Tracker
from netdoctor.migration.window import Window
from netdoctor.migration.writer import Writer
from netdoctor.migration.writing import Counts, Share, Work, write_all

from .lab import Server, records, via_host, write_export


def test_shares_together_are_the_whole(qdrant: Server, tmp_path: Path, own: str) -> None:
    things = records(230, 4)
    for thing in things:
        thing["namespace"] = own
    source = ExportJson(write_export(tmp_path / "e.json", things))
    plan = make_plan(source, Layout())
    threads = threading.active_count()
    points, samples = 0, set()
    with via_host(qdrant, Transport.REST) as target:
        target.create(own, 4, plan.layout.metric)
        for start, end in ((1, 100), (100, 101), (101, 231)):
            ledger = open_ledger(tmp_path / f"l{start}")
            ledger.bind({})
            tracker = Tracker(ledger, plan.collections)
            writer = Writer(target, plan.layout, Retry(), ledger)
            counts = Counts()
            window, limits = Window(2), Limits(points=30)
            work = Work(plan, source, ledger, writer, tracker, window, limits, 2, end - start, print, Share(start, end))
            write_all(work, counts)
            tracker.save()
            assert counts.sent == counts.done == end - start
            points += tracker.sums[own].points
            assert not samples & tracker.samples.keys()
            samples |= tracker.samples.keys()
            ledger.close()
        assert points == target.count(own) == 230
        assert len(samples) == 100
        stored = target.retrieve(own, [point_id(thing["id"]) for thing in things])
        assert len(stored) == 230
    assert threading.active_count() <= threads + 1
