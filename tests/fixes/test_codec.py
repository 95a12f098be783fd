"""What is written down can be read back, to the same operation."""

from __future__ import annotations

import json

import pytest

from netdoctor.fixes.codec import edge_from_json, edge_to_json, operation_from_json, operation_to_json
from netdoctor.model import Connect, CreateNetwork, Disconnect, Edge, Ref, RemoveNetwork

OPERATIONS = [
    Connect("c1", "app", "n1", "net", ("a", "b"), "10.0.0.9"),
    Disconnect("c1", "app", "n1", "net"),
    CreateNetwork("net", (("k", "v"),), internal=True),
    RemoveNetwork("net"),
]


@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_operation_survives_json(operation):
    assert operation_from_json(json.loads(json.dumps(operation_to_json(operation)))) == operation


def test_an_edge_survives_json_without_its_basis():
    edge = Edge(Ref("container", "a"), Ref("external", "h"), "h", 80, "/x", "http", "argument")
    assert edge_from_json(json.loads(json.dumps(edge_to_json(edge)))) == edge


@pytest.mark.parametrize("data", [{}, {"do": "format_disk"}, {"do": "connect"}])
def test_nonsense_is_refused(data):
    with pytest.raises(ValueError):
        operation_from_json(data)


def test_a_field_from_the_future_is_passed_over():
    data = {**operation_to_json(OPERATIONS[3]), "colour": "red"}
    assert operation_from_json(data) == OPERATIONS[3]
