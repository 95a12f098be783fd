"""exec keeps the contract with bash, perl and node, each as the only tool (python and BusyBox: test_contract)."""

from __future__ import annotations

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
    module_lab.wait_until(lambda: module_lab.processes(source.id) == 1, f"the {tool} processes to end", 10)


@pytest.mark.parametrize("name", sorted(CHECKS))
def test_contract(stand: Stand, name: str) -> None:
    CHECKS[name](stand)
