"""Indexing put off while a collection is filled, and always put back.

Only on collections that this run created. The threshold that the server really uses is written to the ledger before
it is changed; it is put back when the writing ends, however it ends, and else by the next start of that ledger.
"""

from __future__ import annotations

import logging

from netdoctor.errors import MigrationFailed
from netdoctor.migration.ledger import Ledger
from netdoctor.migration.plan import CollectionPlan
from netdoctor.migration.retry import Retry, Stopped
from netdoctor.migration.targets.interface import Target, TargetRefused

OFF = 1_000_000_000
"""Kilobytes of vectors before a segment is indexed: more than any holds. (0 would switch indexing off for good.)"""
WORTH = 1.0
"""A collection below so many thresholds of vectors would not be indexed anyway."""

log = logging.getLogger(__name__)


def defer(wanted: CollectionPlan, target: Target, ledger: Ledger, retry: Retry) -> None:
    """Raise the threshold of a collection that was just created, if it will grow beyond it."""
    if wanted.name in ledger.deferred():
        return
    state = retry.call(lambda: target.collection(wanted.name))
    if state is None or not state.indexing_threshold or state.indexing_threshold >= OFF:
        return
    if state.hides:
        return  # what is not indexed is not shown there: put off, it would never be seen, nor verified
    if wanted.points * wanted.dimension * 4 / 1024 < state.indexing_threshold * WORTH:
        return
    ledger.set_deferred(wanted.name, state.indexing_threshold)
    retry.call(lambda: target.set_indexing_threshold(wanted.name, OFF))


def restore(target: Target, ledger: Ledger, retry: Retry) -> list[str]:
    """Put back every threshold that the ledger tells of. The collections where that failed; never raises."""
    failed = []
    for name, threshold in ledger.deferred().items():
        try:
            if _put_back(name, threshold, target, retry):
                ledger.forget_deferred(name)
                continue
        except (MigrationFailed, Stopped) as error:
            log.debug("indexing of %s is not restored: %s", name, error)
        failed.append(name)
    return failed


def _put_back(name: str, threshold: int, target: Target, retry: Retry) -> bool:
    """Whether the value in effect is the old one again; a collection that is gone needs none."""
    state = retry.call(lambda: target.collection(name))
    if state is None or state.indexing_threshold == threshold:
        return True
    try:
        retry.call(lambda: target.set_indexing_threshold(name, threshold))
    except TargetRefused:
        return False
    state = retry.call(lambda: target.collection(name))
    return state is None or state.indexing_threshold == threshold
