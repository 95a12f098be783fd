"""``tcp://`` with TLS on both sides: the vantages' contract."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from vantage import site
from vantage.contract import CHECKS, Stand

from netdoctor.engine.client import open_engine
from netdoctor.engine.hosts import resolve_host
from netdoctor.topology.engine import read_topology
from netdoctor.vantage.choose import Vantages

from .over_tls import Guarded, over_tls

pytestmark = pytest.mark.docker


@pytest.fixture(scope="module")
def guarded(engine: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    if engine.host.socket_path is None:
        pytest.skip("the engine is not reached by a socket of this machine")
    with over_tls(tmp_path_factory.mktemp("tls"), str(engine.host.socket_path)) as found:
        yield found


@pytest.fixture(scope="module")
def place(module_lab: Any) -> site.Site:
    return site.build(module_lab, ["python"])


@pytest.fixture(scope="module", params=["sidecar", "exec"])
def stand(request: Any, guarded: Guarded, place: site.Site) -> Iterator[Stand]:
    with open_engine(resolve_host(environment=guarded.environment())) as engine:
        topology = read_topology(engine)
        with Vantages(engine, topology, preference=request.param) as vantages:
            yield place.stand(vantages.at(site.container(topology, place.sources["python"][0]).ref), "python")
    label = f"netdoctor.for={place.sources['python'][0]}"
    with open_engine(resolve_host(environment=guarded.environment())) as engine:
        assert not engine.api.containers(all=True, filters={"label": label})


@pytest.mark.parametrize("name", sorted(CHECKS))
def test_contract(stand: Stand, name: str) -> None:
    CHECKS[name](stand)
