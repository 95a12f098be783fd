"""Every vantage keeps the contract, on the real engine, for the BusyBox, the python and the shell-less target."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from netdoctor.engine.transport import POOL
from netdoctor.errors import NoVantage
from netdoctor.model import HOST, Topology
from netdoctor.vantage.choose import Vantages

from . import site
from .contract import CHECKS, Stand, close_may_be_called_twice_and_ends_everything

pytestmark = pytest.mark.docker

PLACES = [(kind, image) for kind in ("netns", "sidecar", "exec") for image in ("busybox", "python", "scratch")]
PLACES.remove(("exec", "scratch"))  # nothing there can be run: test_choose.py
OWN_PIDS = os.environ.get("NETDOCTOR_ENGINE_PIDS") == "own"
"""Set by ``make engines``: the engine numbers its processes in a namespace of its own."""
NEEDS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="entering a namespace needs root")


@pytest.fixture(scope="module")
def place(module_lab: Any) -> site.Site:
    return site.build(module_lab)


@pytest.fixture(scope="module")
def topology(module_lab: Any, place: site.Site) -> Topology:
    found: Topology = module_lab.topology()
    return found


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(each, id="-".join(each), marks=[NEEDS_ROOT] if each[0] == "netns" else [])
        for each in [*PLACES, ("host", "")]
    ],
)
def stand(request: Any, engine: Any, place: site.Site, topology: Topology) -> Iterator[Stand]:
    """Each kind in each target, checked for leaks once it is closed."""
    kind, image = request.param
    _skip_where_it_must_refuse(kind)
    threads, descriptors = set(threading.enumerate()), _descriptors()
    with Vantages(engine, topology, preference="auto" if kind == "host" else kind) as vantages:
        if kind == "host":
            yield place.from_the_host(vantages.at(HOST))
        else:
            vantage = vantages.at(site.container(topology, place.sources[image][0]).ref)
            assert vantage.name == kind
            yield place.stand(vantage, image)
    # The SDK keeps up to POOL connections for itself; one descriptor left for each stream would be far more.
    assert _descriptors() <= descriptors + POOL + 2
    assert {each for each in threading.enumerate() if each.name.startswith("netdoctor")} <= threads
    assert not engine.api.containers(all=True, filters={"label": f"netdoctor.for={place.sources.get(image, ('',))[0]}"})


@pytest.mark.parametrize("name", sorted(CHECKS))
def test_contract(stand: Stand, name: str) -> None:
    CHECKS[name](stand)


@pytest.mark.parametrize(
    ("kind", "image"), [pytest.param(*each, marks=[NEEDS_ROOT] if each[0] == "netns" else []) for each in PLACES]
)
def test_close(engine: Any, place: site.Site, topology: Topology, kind: str, image: str) -> None:
    _skip_where_it_must_refuse(kind)
    source = site.container(topology, place.sources[image][0])
    with Vantages(engine, topology, preference=kind) as vantages:
        close_may_be_called_twice_and_ends_everything(place.stand(vantages.at(source.ref), image))


def test_nothing_in_the_image_is_needed_or_said_to_be_used(engine: Any, place: site.Site, topology: Topology) -> None:
    """exec in an image without any tool is refused with what was looked for."""
    source = site.container(topology, place.sources["scratch"][0])
    with Vantages(engine, topology, preference="exec") as vantages:
        with pytest.raises(NoVantage, match="nothing to ask with"):
            vantages.at(source.ref)
        assert vantages.used() == ()


@pytest.mark.skipif(not OWN_PIDS, reason="only an engine with a PID namespace of its own tells numbers of others")
@pytest.mark.parametrize("image", ["busybox", "python", "scratch"])
def test_a_process_number_of_another_namespace_is_never_entered(
    engine: Any, place: site.Site, topology: Topology, image: str
) -> None:
    """netns refuses, and says that the process is not that container's; auto stands somewhere else."""
    source = site.container(topology, place.sources[image][0])
    with (
        Vantages(engine, topology, preference="netns") as vantages,
        pytest.raises(NoVantage, match=r"netns: .*(process|container)"),
    ):
        vantages.at(source.ref)
    with Vantages(engine, topology) as vantages:
        assert vantages.at(source.ref).name == "sidecar"


def _skip_where_it_must_refuse(kind: str) -> None:
    if kind == "netns" and OWN_PIDS:
        pytest.skip("netns: the engine's process numbers are of its own PID namespace; it must refuse, and does")


def _descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))
