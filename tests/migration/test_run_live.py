"""A live source through the whole loop: what goes on after a stop, and what has changed meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from netdoctor.migration.batches import Limits
from netdoctor.migration.events import BatchDone, Event
from netdoctor.migration.ledger import LedgerMismatch, open_ledger
from netdoctor.migration.points import Layout, tenant_point_id
from netdoctor.migration.run import Options, migrate
from netdoctor.migration.target import Transport

from .lab import Server, via_host
from .test_plan_live import Index, index


class Stop(Exception):
    pass


def options(name: str) -> Options:
    return Options(Layout(collection=name), Limits(points=10), in_flight=2)


def test_it_goes_on_by_its_list_and_tells_what_is_gone_or_different(qdrant: Server, tmp_path: Path, own: str) -> None:
    source = index(300)

    def stop(event: Event) -> None:
        if isinstance(event, BatchDone) and event.done >= 100:
            raise Stop

    with via_host(qdrant, Transport.REST) as target:
        ledger = open_ledger(tmp_path / "l")
        with pytest.raises(Stop):
            migrate(source, target, ledger, options(own), listener=stop)
        ledger.close()
        # Deleted behind and before the place, added, and of another kind: the list is what counts.
        again = Index(dict(source.things))
        del again.things["n1", "id299"]
        again.things["n0", "id000a"] = ([1.0, 1.0], {})
        again.things["n1", "id297"] = ([1.0, 1.0, 1.0], {})
        again.things["n1", "id295"] = ([1.0, 295.0], {"age": 0.5})
        ledger = open_ledger(tmp_path / "l")
        result = migrate(again, target, ledger, options(own))
        ledger.close()
        assert result.resumed and 150 <= result.sent <= 260
        assert result.verification.good, result.verification.problems
        assert not result.good  # two of the list are not there, and the report says which
        assert {number: reason.split(":")[0] for number, reason in result.late.items()} == {
            265: "it is gone",
            264: "it has 3 values, not 2",
            263: "its 'age' is no whole number as in the sample; kept as it is",
        }
        assert (result.plan.records, result.verification.verified, target.count(own)) == (300, 298, 298)
        late = tenant_point_id("id295", "n1")
        assert target.retrieve(own, [late])[late].payload["age"] == 0.5


def test_it_is_whole_when_nothing_has_changed(qdrant: Server, tmp_path: Path, own: str) -> None:
    with via_host(qdrant, Transport.REST) as target:
        for _ in range(2):
            ledger = open_ledger(tmp_path / "l")
            result = migrate(index(60), target, ledger, options(own))
            ledger.close()
            assert result.good and not result.late and result.verification.searched == 60


class Another(Index):
    """An index of which the ledger knows nothing, and which counts what it is asked."""

    asked = 0

    def stamp(self) -> str:
        return "index two"

    digest = stamp

    def ids(self) -> Iterator[tuple[str, str]]:
        self.asked += 1
        return super().ids()


def test_another_index_is_refused_before_it_is_asked_and_the_first_ones_list_stays(
    qdrant: Server, tmp_path: Path, own: str
) -> None:
    another = Another(index(60).things)
    with via_host(qdrant, Transport.REST) as target:
        ledger = open_ledger(tmp_path / "l")
        migrate(index(60), target, ledger, options(own))
        ledger.close()
        kept = {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.suffix == ".ids"}
        assert kept
        ledger = open_ledger(tmp_path / "l")
        with pytest.raises(LedgerMismatch, match="is of another index or server than index") as caught:
            migrate(another, target, ledger, options(own))
        ledger.close()
    assert "--ledger" in caught.value.hint and "--restart" in caught.value.hint
    assert another.asked == 0
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.suffix == ".ids"} == kept
