"""Each operation has its inverse, its command, and what must be declared for it to last."""

from __future__ import annotations

import shlex
from dataclasses import replace

import pytest
from rules.build import container, network, topology

from netdoctor.model import Connect, CreateNetwork, Disconnect, Membership, Operation, RemoveNetwork

NET = network("net", project="shop")
A = container("a1", NET, aliases=["web"])
FIXED = replace(A, endpoints=(replace(A.endpoints[0], user_ipv4="10.0.0.9"),))
SEEN = topology(NET, FIXED)
CONNECT = Connect(A.id, "a1", NET.id, "net", ("web",), "10.0.0.9")


def test_connect_and_disconnect_undo_each_other_with_aliases_and_address():
    away = CONNECT.inverse(SEEN)
    assert away == Disconnect(A.id, "a1", NET.id, "net")
    assert away.inverse(SEEN) == CONNECT


def test_what_is_gone_is_connected_again_without_what_nobody_knows():
    assert Disconnect("x", "x1", NET.id, "net").inverse(SEEN) == Connect("x", "x1", NET.id, "net")


def test_a_network_comes_back_with_its_labels_and_as_internal_as_it_was():
    made = CreateNetwork("net", (("com.docker.compose.project", "shop"),), internal=True)
    assert made.inverse(SEEN) == RemoveNetwork("net")
    assert RemoveNetwork("net").inverse(topology(replace(NET, internal=True))) == made
    assert RemoveNetwork("other").inverse(SEEN) == CreateNetwork("other")


def test_only_joining_has_something_to_declare():
    assert CONNECT.permanent() == (Membership(A.id, "net", ("web",)),)
    assert [each.permanent() for each in (CONNECT.inverse(SEEN), CreateNetwork("n"), RemoveNetwork("n"))] == [()] * 3


@pytest.mark.parametrize("evil", ["a b", "a;rm -rf /", "$(x)", "'", "-x", "a\nb"])
def test_a_command_can_be_pasted_whatever_the_names_are(evil):
    for operation in (
        Connect("c", evil, "n", evil, (evil,), "10.0.0.2"),
        Disconnect("c", evil, "n", evil),
        CreateNetwork(evil, internal=True),
        RemoveNetwork(evil),
    ):
        assert isinstance(operation, Operation)
        words = shlex.split(operation.command())
        assert words[:2] == ["docker", "network"]
        assert evil in words


def test_the_command_of_the_story():
    assert Connect("c", "qdrant", "n", "coolify", ("qdrant",)).command() == (
        "docker network connect --alias qdrant coolify qdrant"
    )
