"""Questions go out in rounds through one bounded pool; each is asked once, and every one gets an answer or a reason."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

from netdoctor.errors import NetdoctorError
from netdoctor.model import Answers, Observation, Question
from netdoctor.probes.interface import PROBES, CannotAsk, Probe, World, could_not_ask

log = logging.getLogger(__name__)

WORKERS = 16
"""Dials in flight at once; keeps descriptors far below the usual limit of 1,024."""


@cache
def _by_question() -> dict[type[Question[Any]], Probe]:
    return {probe.question: probe for probe in PROBES}


def probe_for(question: Question[Any]) -> Probe:
    """The probe that answers this kind of question."""
    return _by_question()[type(question)]


class Asker:
    """One per run; use as a context manager."""

    def __init__(self, world: World, recorded: Answers | None = None, *, workers: int = WORKERS) -> None:
        self._world = world
        self._pool = ThreadPoolExecutor(max_workers=workers, thread_name_prefix="ask")
        self.answers = recorded or Answers()

    def __enter__(self) -> Asker:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)

    def ask(self, questions: Iterable[Question[Any]]) -> int:
        """Ask what has not been asked yet; returns how many that were."""
        fresh = [question for question in dict.fromkeys(questions) if question not in self.answers]
        if fresh:
            found = dict(zip(fresh, self._pool.map(self._one, fresh), strict=True))
            self.answers = self.answers.plus(found)
        return len(fresh)

    def _one(self, question: Question[Any]) -> Observation[Any]:
        try:
            return probe_for(question).ask(question, self._world)
        except CannotAsk as error:
            return could_not_ask(error.reason)
        except NetdoctorError as error:
            return could_not_ask(f"{error.code}: {error.message}" if error.code else error.message)
        except Exception as error:
            log.debug("probe failed on %r", question, exc_info=True)
            return could_not_ask(f"netdoctor failed while asking ({type(error).__name__}: {error})")
