"""A service is told its networks, and its tasks are waited for; the real Swarm is in the clinic (nd109)."""

from __future__ import annotations

from typing import Any

import pytest

from netdoctor.engine import swarm
from netdoctor.engine.hosts import EngineHost
from netdoctor.errors import EngineRefused


class Answering:
    """The part of the SDK that is used, with tasks as they come one after the other."""

    def __init__(self, rounds: list[list[dict[str, Any]]], replicas: int = 1) -> None:
        self.rounds = rounds
        self.updates: list[tuple[int, Any]] = []
        self.spec = {
            "Name": "api",
            "Mode": {"Replicated": {"Replicas": replicas}},
            "TaskTemplate": {"Networks": [{"Target": "own", "Aliases": ["db"]}]},
        }

    def services(self) -> list[dict[str, Any]]:
        return [{"ID": "s1", "Spec": self.spec}, {"ID": "old", "Spec": {"Networks": [{"Target": "top"}]}}]

    def inspect_service(self, service: str) -> dict[str, Any]:
        return {"Version": {"Index": 7}, "Spec": self.spec}

    def update_service(self, service: str, version: int, *, networks: Any, fetch_current_spec: bool) -> None:
        assert fetch_current_spec
        self.updates.append((version, networks))

    def tasks(self, filters: Any) -> list[dict[str, Any]]:
        assert filters == {"service": "s1", "desired-state": "running"}
        return self.rounds.pop(0) if len(self.rounds) > 1 else self.rounds[0]


class Reached:
    host = EngineHost("unix:///x", "a test")

    def __init__(self, api: Answering) -> None:
        self.api = api


def task(state: str, *networks: str, error: str = "") -> dict[str, Any]:
    return {"Status": {"State": state, "Err": error}, "Spec": {"Networks": [{"Target": n} for n in networks]}}


def told(api: Answering, network: str, joined: bool, patience: float = 5.0) -> list[float]:
    now = [0.0]
    waits: list[float] = []

    def sleep(seconds: float) -> None:
        now[0] += seconds
        waits.append(seconds)

    swarm.set_service_network(
        Reached(api), "s1", network, joined=joined, patience=patience, clock=lambda: now[0], sleep=sleep
    )
    return waits


def test_networks_are_read_wherever_the_service_keeps_them():
    assert swarm.service_networks(Reached(Answering([[]]))) == {"s1": ("own",), "old": ("top",)}


def test_a_network_is_added_beside_the_others_and_the_new_tasks_are_waited_for():
    api = Answering([[task("running", "own")], [task("starting", "own", "new")], [task("running", "own", "new")]])
    assert len(told(api, "new", True)) == 2
    assert api.updates == [(7, [{"Target": "own", "Aliases": ["db"]}, {"Target": "new"}])]


def test_a_network_is_taken_off_and_no_task_may_be_left_on_it():
    api = Answering([[task("running", "own")], [task("running")]])
    told(api, "own", False)
    assert api.updates == [(7, [])]


def test_tasks_that_do_not_come_are_said_with_their_own_words():
    api = Answering([[task("rejected", "own", "new", error="no such image")]])
    with pytest.raises(EngineRefused, match=r"service api do not run after 5 s: no such image"):
        told(api, "new", True)


def test_a_service_of_no_tasks_needs_none():
    assert told(Answering([[]], replicas=0), "new", True) == []
    with pytest.raises(EngineRefused):
        told(Answering([[]]), "new", True)


OVERLAY = {
    "Name": "ov",
    "Containers": {
        "8e51": {"Name": "app", "EndpointID": "ac6e"},
        "lb-ov": {"Name": "ov-endpoint", "EndpointID": "cc21"},
    },
    "Services": {
        "": {
            "VIP": "<nil>",
            "Tasks": [
                {"Name": "app", "EndpointID": "ac6e", "EndpointIP": "10.0.1.2", "Info": {"Host IP": "198.18.214.1"}},
                {"Name": "db", "EndpointID": "ac0d", "EndpointIP": "10.0.1.4", "Info": {"Host IP": "198.18.214.2"}},
            ],
        },
        "web": {
            "VIP": "10.0.1.9",
            "Tasks": [
                {"Name": "web.1.x", "EndpointID": "e1", "EndpointIP": "10.0.1.5", "Info": {"Host IP": "198.18.214.2"}},
                {"Name": "web.2.y", "EndpointID": "e2", "EndpointIP": "10.0.1.6", "Info": {"Host IP": "198.18.214.3"}},
            ],
        },
    },
}
"""What ``docker network inspect --verbose`` said of two nodes (20.10), and a service beside it."""


@pytest.mark.parametrize(
    ("name", "nodes"),
    [
        ("db", ("198.18.214.2",)),
        ("web", ("198.18.214.2", "198.18.214.3")),
        ("web.2.y", ("198.18.214.3",)),
        ("app", ()),  # it runs here
        ("nobody", ()),
        ("", ()),
    ],
)
def test_an_overlay_tells_what_runs_on_other_nodes(name: str, nodes: tuple[str, ...]) -> None:
    assert swarm.read_elsewhere(OVERLAY, name) == nodes


def test_a_network_that_lists_nobody_tells_nothing() -> None:
    assert swarm.read_elsewhere({"Name": "ov", "Containers": None, "Services": None}, "db") == ()
