"""The connections of a namespace are read from the kernel's own table, each peer once."""

from __future__ import annotations

import socket
import time

from netdoctor.model import HOST, Fact, Outcome, Topology
from netdoctor.probes.connections import Connections, ConnectionsProbe
from netdoctor.probes.interface import World
from netdoctor.vantage.fake import FakeVantage
from netdoctor.vantage.host import HostVantage
from netdoctor.vantage.interface import Connection
from netdoctor.vantage.procnet import NamespaceTables

NOTHING = Topology(frozenset({Fact.RUNTIME}), (), ())


def ask(vantage):
    return ConnectionsProbe().ask(Connections(HOST), World(NOTHING, lambda ref: vantage, 2.0, time.monotonic))


def test_an_open_connection_of_this_machine_is_seen():
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.create_connection(listener.getsockname()):
        port = listener.getsockname()[1]
        found = ask(HostVantage())
        assert found.outcome is Outcome.CONNECTED
        assert [each.state for each in found.evidence.to_port(port)] == ["established"]
    assert all(each.remote[1] != 1 for each in found.evidence.connections)


def test_each_peer_is_told_once():
    twice = [Connection(("10.0.0.2", port), ("10.0.0.9", 80), "established") for port in (1000, 1001)]
    found = ask(FakeVantage(connections=twice))
    assert len(found.evidence.connections) == 1
    assert ConnectionsProbe().describe(Connections(HOST), found) == "10.0.0.9:80 established"


def test_states_other_than_open_and_opening_are_left_out_and_mapped_addresses_are_written_plainly():
    head = "  sl  local_address rem_address   st tx_queue rx_queue\n"
    rows = [
        "   0: 0200000A:C350 0900000A:0050 02 00000000:00000000",
        "   1: 0200000A:C351 0800000A:0050 01 00000000:00000000",
        "   2: 0200000A:C352 0700000A:0050 06 00000000:00000000",
        "   3: 00000000:0050 00000000:0000 0A 00000000:00000000",
    ]
    six = "   0: 0000000000000000FFFF00000200000A:C353 0000000000000000FFFF00000600000A:0050 01 00000000:00000000"
    tables = NamespaceTables(lambda name: head + ("\n".join(rows) if name == "tcp" else six))
    found = [(each.remote, each.state) for each in tables.connections()]
    assert found == [
        (("10.0.0.9", 80), "syn_sent"),
        (("10.0.0.8", 80), "established"),
        (("10.0.0.6", 80), "established"),
    ]
