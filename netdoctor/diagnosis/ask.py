"""Questions go out in rounds through one bounded pool; each is asked once, and every one gets an answer or a reason."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cache
from typing import Any

from netdoctor.errors import NetdoctorError
from netdoctor.model import Answers, Observation, Question, Ref
from netdoctor.probes.interface import PROBES, CannotAsk, Probe, World, could_not_ask

log = logging.getLogger(__name__)

WORKERS = 16
"""In flight at once from each place when few are asked."""
FEW = 4
"""Places."""
PER_PLACE = 5
"""In flight at once from each place when there are many (measured: the time of more, a third of the descriptors)."""
MOST = 256
"""In flight at once whatever there is to ask; keeps descriptors below 512."""

Progress = Callable[[int, int], None]
"""Told how many of how many questions are answered; from any thread, never two at once."""


@cache
def _by_question() -> dict[type[Question[Any]], Probe]:
    return {probe.question: probe for probe in PROBES}


def probe_for(question: Question[Any]) -> Probe:
    """The probe that answers this kind of question."""
    return _by_question()[type(question)]


class Asker:
    """One per run; use as a context manager."""

    def __init__(self, world: World, recorded: Answers | None = None, *, progress: Progress | None = None) -> None:
        self._world = world
        self._pool = ThreadPoolExecutor(max_workers=MOST, thread_name_prefix="ask")
        self._progress = progress
        self._lock = threading.Lock()
        self._done = self._all = 0
        self._stopped = False
        self.answers = recorded or Answers()

    def __enter__(self) -> Asker:
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped = True
        self._pool.shutdown(wait=True, cancel_futures=True)

    def ask(self, questions: Iterable[Question[Any]], patience: Mapping[Question[Any], float] | None = None) -> int:
        """Ask what has not been asked yet; returns how many that were. ``patience``: seconds, where not the run's."""
        fresh = [question for question in dict.fromkeys(questions) if question not in self.answers]
        if fresh:
            self.answers = self.answers.plus(self._ask(fresh, patience or {}))
        return len(fresh)

    def _ask(self, fresh: list[Question[Any]], patience: Mapping[Question[Any], float]) -> dict[Any, Observation[Any]]:
        """In lanes: each takes the questions of one place, one after the other, until none is left."""
        waiting: dict[Ref, deque[Question[Any]]] = {}
        for question in fresh:
            waiting.setdefault(question.at.whole, deque()).append(question)
        with self._lock:
            self._all += len(fresh)
        found: dict[Any, Observation[Any]] = {}
        width = WORKERS if len(waiting) <= FEW else PER_PLACE
        lanes = [
            self._pool.submit(self._lane, line, patience, found)
            for line in waiting.values()
            for _ in range(min(width, len(line)))
        ]
        for lane in lanes:
            lane.result()
        return {question: found[question] for question in fresh}

    def _lane(
        self,
        line: deque[Question[Any]],
        patience: Mapping[Question[Any], float],
        found: dict[Any, Observation[Any]],
    ) -> None:
        while not self._stopped:
            try:
                question = line.popleft()
            except IndexError:
                return
            found[question] = self._one(question, patience.get(question))
            if self._progress is not None:
                with self._lock:
                    self._done += 1
                    self._progress(self._done, self._all)

    def _one(self, question: Question[Any], seconds: float | None) -> Observation[Any]:
        world = self._world if seconds is None else replace(self._world, timeout=seconds)
        try:
            return probe_for(question).ask(question, world)
        except CannotAsk as error:
            return could_not_ask(error.reason)
        except NetdoctorError as error:
            return could_not_ask(f"{error.code}: {error.message}" if error.code else error.message)
        except Exception as error:
            log.debug("probe failed on %r", question, exc_info=True)
            return could_not_ask(f"netdoctor failed while asking ({type(error).__name__}: {error})")
