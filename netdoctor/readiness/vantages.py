"""Where can be asked from: inside a network namespace, beside it in a helper, or through docker exec?"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable

from netdoctor.commands import as_root
from netdoctor.engine.client import Engine
from netdoctor.model import Topology
from netdoctor.readiness.interface import CHECKS, Line, Situation, State
from netdoctor.vantage.choose import PROBE_IMAGE_VARIABLE, PROBE_IMAGES
from netdoctor.vantage.kinds import Impossible, Site, netns
from netdoctor.vantage.netns import SocketFactory


class WhereToStand:
    rank = 20

    def look(self, situation: Situation) -> Iterable[Line]:
        engine = situation.engine
        if engine is None:
            return
        inside = _netns(engine, situation.topology)
        beside = _sidecar(engine, situation.environment.get(PROBE_IMAGE_VARIABLE))
        yield inside
        yield beside
        if State.OK not in (inside.state, beside.state):
            yield Line(
                "vantage exec",
                State.NOTE,
                "all that is left: images with python3, node, perl, bash or BusyBox nc can be asked from, others not",
                f"{_root()}; or allow a helper: netdoctor --pull missing check",
            )
        else:
            yield Line("vantage exec", State.OK, "for images with python3, node, perl, bash or BusyBox nc")


def _root() -> str:
    return f"run it as root: {as_root('...')}"


def _netns(engine: Engine, topology: Topology | None) -> Line:
    subject = "vantage netns"
    if not engine.on_this_machine:
        return Line(subject, State.NOTE, "not possible: the engine runs on another machine", "run netdoctor there")
    running = [each for each in topology.containers if each.running and each.endpoints] if topology else []
    refused: Impossible | None = None
    # One that ends just now says nothing about the others.
    for container in running[:3]:
        try:
            netns(Site(engine, container, (), None)).close()
        except Impossible as impossible:
            refused = impossible
        else:
            return Line(subject, State.OK, f"entered {container.name}'s network, and left it")
    if refused is not None:
        remedy = _root() if refused.hint else "run it on the engine's machine, not in a container, or with --pid=host"
        return Line(subject, State.NOTE, f"not possible: {refused.reason}", remedy)
    return _own_namespace(subject)


def _own_namespace(subject: str) -> Line:
    try:
        own = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        try:
            SocketFactory(own, "own").close()
        finally:
            os.close(own)
    except OSError as error:
        needs = error.errno in (errno.EPERM, errno.EACCES)
        why = "entering a network namespace needs root" if needs else str(error.strerror)
        return Line(subject, State.NOTE, f"not possible: {why}", _root())
    return Line(subject, State.OK, "the kernel lets us in (no container runs to try it with)")


def _sidecar(engine: Engine, named: str | None) -> Line:
    images = (named,) if named else PROBE_IMAGES
    present = next((image for image in images if engine.has_image(image)), None)
    if present is not None:
        return Line("vantage sidecar", State.OK, f"a helper can be made of {present}")
    wanted = named or PROBE_IMAGES[1]
    return Line(
        "vantage sidecar",
        State.NOTE,
        f"not possible: the engine has none of {', '.join(images)}",
        f"docker pull {wanted}, or name an image with python3 in {PROBE_IMAGE_VARIABLE}",
    )


CHECKS.add("vantages", WhereToStand(), home=__name__)
