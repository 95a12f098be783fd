"""exec keeps the contract with bash, perl and node, each as the only tool (python and BusyBox: test_contract)."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from netdoctor.vantage.choose import Vantages

from . import site
from .contract import CHECKS, Stand

pytestmark = pytest.mark.docker


@pytest.fixture(scope="module", params=sorted(site.LENT))
def stand(request: Any, module_lab: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    tool = request.param
    place = site.build(module_lab, [tool], tmp_path_factory.mktemp("tools"))
    topology = module_lab.topology()
    with Vantages(module_lab.engine, topology, preference="exec") as vantages:
        source = site.container(topology, place.sources[tool][0])
        vantage = vantages.at(source.ref)
        assert vantages.used() == (f"{source.name} was asked through docker exec ({tool})",)
        yield place.stand(vantage, tool)
    # What is on its way to its end ends within seconds; what has lost its way stays for ever, and is told here.
    deadline = time.monotonic() + 40
    while len(left := module_lab.processes(source.id)) > 1:
        assert time.monotonic() < deadline, f"of {tool} there stay: {left}"
        time.sleep(0.2)


@pytest.mark.parametrize("name", sorted(CHECKS))
def test_contract(stand: Stand, name: str) -> None:
    CHECKS[name](stand)
