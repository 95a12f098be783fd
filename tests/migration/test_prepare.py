"""What a killed run had only intended is taken for its own by the run's mark, or because nothing is in it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from netdoctor.migration.events import silent
from netdoctor.migration.ledger import CREATED, FOUND, INTENDED, Ledger, open_ledger
from netdoctor.migration.plan import CollectionPlan, Plan
from netdoctor.migration.points import Layout, Metric, Point
from netdoctor.migration.prepare import Wishes, prepare
from netdoctor.migration.retry import Retry
from netdoctor.migration.target import Transport
from netdoctor.migration.targets.interface import Making, Target, TargetRefused

from .lab import Server, via_host

ID = "6a15880c-8b29-5463-962c-1c2a0bd1b9c9"


class Uncounted:
    """A server that does not say how many points a collection has: the number is null, or an estimate."""

    def __init__(self, target: Target) -> None:
        self._target = target

    def __getattr__(self, name: str) -> Any:
        return getattr(self._target, name)

    def collection(self, name: str) -> Any:
        state = self._target.collection(name)
        return state and replace(state, points=0)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    opened = open_ledger(tmp_path / "ledger")
    opened.set_fact("run", "r1")
    yield opened
    opened.close()


@pytest.mark.parametrize(
    ("mark", "points", "origin"), [("r1", 1, CREATED), ("", 0, CREATED), ("", 1, FOUND), ("another", 1, FOUND)]
)
def test_a_collection_is_ours_by_its_mark_or_as_long_as_it_is_empty(
    qdrant: Server, own: str, ledger: Ledger, mark: str, points: int, origin: str
) -> None:
    with via_host(qdrant, Transport.REST) as target:
        target.create(own, 2, Metric.DOT, Making(run=mark))
        body = target.encode(Point(ID, np.ones(2, dtype=np.float32), {}))
        target.upsert(own, [body] * points)
        ledger.set_origin(own, INTENDED)
        plan = Plan(1, (CollectionPlan(own, 2, 1),), Layout(metric=Metric.DOT), "", "")
        uncounted: Any = Uncounted(target)
        assert prepare(plan, uncounted, ledger, Wishes(), Retry(), silent) == []
        assert ledger.origin(own) == origin


def test_a_collection_that_somebody_made_and_filled_in_that_moment_is_not_taken(
    qdrant: Server, own: str, ledger: Ledger
) -> None:
    class Late(Uncounted):
        """Not there when it is looked for; filled by somebody before it is made."""

        looked = False

        def collection(self, name: str) -> Any:
            state = super().collection(name) if self.looked else None
            self.looked = True
            return state

    with via_host(qdrant, Transport.REST) as target:
        target.create(own, 2, Metric.DOT)
        target.upsert(own, [target.encode(Point(ID, np.ones(2, dtype=np.float32), {}))])
        plan = Plan(1, (CollectionPlan(own, 2, 1),), Layout(metric=Metric.DOT), "", "")
        late: Any = Late(target)
        with pytest.raises(TargetRefused, match="already exists"):
            prepare(plan, late, ledger, Wishes(), Retry(), silent)
