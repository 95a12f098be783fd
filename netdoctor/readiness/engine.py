"""Does an engine answer, and what is it?"""

from __future__ import annotations

from collections.abc import Iterable

from netdoctor.readiness.interface import CHECKS, Line, Situation, State

OLDEST_API = (1, 41)
"""Of Docker Engine 20.10, the oldest that netdoctor is tested with."""


class EngineAnswers:
    rank = 10

    def look(self, situation: Situation) -> Iterable[Line]:
        engine = situation.engine
        if engine is None:
            failure = situation.failure
            assert failure is not None
            yield Line("engine", State.BAD, failure.message, failure.hint or "docker info")
            return
        name = "Podman" if engine.is_podman else "Docker Engine"
        said_by = f", by {engine.host.said_by}" if engine.host.said_by else ""
        yield Line("engine", State.OK, f"{name} {engine.version} at {engine.host.url}{said_by}")
        apis = engine.apis
        if apis is not None and _numbers(apis[1]) < OLDEST_API:
            yield Line(
                "engine API",
                State.NOTE,
                f"it speaks API {apis[1]}; netdoctor is tested with {'.'.join(map(str, OLDEST_API))} and later",
                "update the engine",
            )
        elif apis is not None:
            yield Line("engine API", State.OK, f"{apis[0]} to {apis[1]}")


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdigit())


CHECKS.add("engine", EngineAnswers(), home=__name__)
