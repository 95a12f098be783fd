"""The kernel's tables and the resolver's files, read from recorded text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netdoctor.model import Outcome
from netdoctor.vantage.interface import CannotAsk, DialFailed, ListeningSocket, Route
from netdoctor.vantage.outcomes import failure
from netdoctor.vantage.procnet import (
    NamespaceTables,
    Neighbour,
    parse_addresses,
    parse_arp,
    parse_listeners,
    parse_routes,
    parse_tcp,
)
from netdoctor.vantage.resolver_files import parse, parse_hosts

HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
TCP = HEAD + (
    "   0: 0B00007F:8A0D 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 30516 1\n"
    "   1: 00000000:1F90 00000000:0000 0A 00000000:00000002 00:00000000 00000000     0        0 30517 1\n"
    "   2: 0100007F:18C5 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 30518 1\n"
    "   3: 030012AC:86B0 020012AC:0050 01 00000000:00000000 00:00000000 00000000     0        0 44219 2\n"
)
TCP6 = HEAD + (
    "   0: 00000000000000000000000000000000:1F91 00000000000000000000000000000000:0000 0A "
    "00000000:00000000 00:00000000 00000000     0        0 30519 1\n"
    "   1: 000080FE00000000FF1200020B00FEFC:1F92 00000000000000000000000000000000:0000 0A "
    "00000000:00000000 00:00000000 00000000     0        0 30520 1\n"
)
ROUTE = (
    "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"
    "eth0\t00000000\t010012AC\t0003\t0\t0\t0\t00000000\t0\t0\t0\n"
    "eth0\t000012AC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0\n"
    "*\t0000A8C0\t00000000\t0201\t0\t0\t0\t0000FFFF\t0\t0\t0\n"
)
FIB_TRIE = """Main:
  +-- 0.0.0.0/0 3 0 5
     |-- 0.0.0.0
        /0 universe UNICAST
     +-- 127.0.0.0/8 2 0 2
        +-- 127.0.0.0/31 1 0 0
           |-- 127.0.0.0
              /8 host LOCAL
           |-- 127.0.0.1
              /32 host LOCAL
        |-- 127.255.255.255
           /32 link BROADCAST
     +-- 172.18.0.0/16 2 0 2
        |-- 172.18.0.3
           /32 host LOCAL
Local:
     |-- 172.18.0.3
        /32 host LOCAL
"""
IF_INET6 = (
    "00000000000000000000000000000001 01 80 10 80       lo\nfd000000000000000000000000000002 02 40 00 80     eth0\n"
)
ARP = """IP address       HW type     Flags       HW address            Mask     Device
172.18.0.77      0x1         0x0         00:00:00:00:00:00     *        eth0
172.18.0.2       0x1         0x2         02:42:ac:12:00:02     *        eth0
"""


def test_listeners_keep_their_queue_and_leave_out_dockers_own() -> None:
    assert parse_listeners(TCP, TCP6) == (
        ListeningSocket("0.0.0.0", 8080, 4, 2),
        ListeningSocket("127.0.0.1", 6341, 4, 0),
        ListeningSocket("::", 8081, 6, 0),
        ListeningSocket("fe80::200:12ff:fcfe:b", 8082, 6, 0),
    )
    (established,) = [row for row in parse_tcp(TCP, 4) if row.state == "01"]
    assert (established.local, established.remote) == (("172.18.0.3", 34480), ("172.18.0.2", 80))


def test_two_sockets_on_one_port_are_one_listener_with_both_queues() -> None:
    line = "   1: 00000000:1F90 00000000:0000 0A 00000000:00000002 00:00000000 00000000     0        0 1 1\n"
    assert parse_listeners(HEAD + line * 2, "") == (ListeningSocket("0.0.0.0", 8080, 4, 4),)


def test_routes_addresses_and_neighbours() -> None:
    assert parse_routes(ROUTE) == (
        Route("0.0.0.0/0", "172.18.0.1", "eth0"),
        Route("172.18.0.0/16", None, "eth0"),
    )
    assert parse_addresses(FIB_TRIE, IF_INET6) == ("127.0.0.1", "172.18.0.3", "::1", "fd00::2")
    assert parse_arp(ARP) == (
        Neighbour("172.18.0.77", None, "eth0"),
        Neighbour("172.18.0.2", "02:42:ac:12:00:02", "eth0"),
    )


def test_a_kernel_without_ipv6_has_fewer_tables_and_no_fewer_answers() -> None:
    texts = {"tcp": TCP, "fib_trie": FIB_TRIE}

    def read(table: str) -> str:
        if table not in texts:
            raise FileNotFoundError(table)
        return texts[table]

    tables = NamespaceTables(read)
    assert len(tables.listeners()) == 2
    assert tables.addresses() == ("127.0.0.1", "172.18.0.3")
    assert len(tables.sockets()) == 4


@given(st.text())
def test_no_text_breaks_the_resolver_files(text: str) -> None:
    config = parse(text, text)
    assert len(config.nameservers) <= 3
    assert config.ndots <= 15


def test_resolv_conf_is_read_as_a_c_library_reads_it() -> None:
    config = parse(
        "# made by hand\nnameserver 127.0.0.11\nnameserver not-an-address\nnameserver fe80::1%eth0 ; comment\n"
        "nameserver 10.0.0.3\nnameserver 10.0.0.4\ndomain first.example\nsearch a.example b.example\n"
        "options edns0 ndots:99 trust-ad\noptions ndots:5\nnonsense\n",
        "",
    )
    assert config.nameservers == ("127.0.0.11", "fe80::1%eth0", "10.0.0.3")
    assert config.search == ("a.example", "b.example")
    assert config.ndots == 5
    assert config.options == ("edns0", "ndots:99", "trust-ad", "ndots:5")
    assert parse("", "").ndots == 1


def test_hosts_keep_their_order_and_lose_their_comments() -> None:
    text = "127.0.0.1\tlocalhost\n172.18.0.3 web www # me\n#10.0.0.1 old\nname 10.0.0.2\n172.18.0.4 web\n"
    assert parse_hosts(text) == (
        ("127.0.0.1", ("localhost",)),
        ("172.18.0.3", ("web", "www")),
        ("172.18.0.4", ("web",)),
    )


@pytest.mark.parametrize(
    ("number", "address", "outcome"),
    [
        (111, "10.0.0.1", Outcome.REFUSED),
        (113, "10.0.0.1", Outcome.NO_ROUTE),
        (101, "10.0.0.1", Outcome.NO_ROUTE),
        (110, "10.0.0.1", Outcome.TIMED_OUT),
        (104, "10.0.0.1", Outcome.RESET),
        (99, "fd00::1", Outcome.NO_ROUTE),
        (99, "10.0.0.1", None),
        (24, "10.0.0.1", None),
        (None, "10.0.0.1", None),
    ],
)
def test_an_errno_means_one_outcome_or_that_nothing_was_tried(
    number: int | None, address: str, outcome: Outcome | None
) -> None:
    found = failure(number, address=address, seconds=0.5)
    if outcome is None:
        assert isinstance(found, CannotAsk)
    else:
        assert isinstance(found, DialFailed)
        assert (found.outcome, found.errno, found.seconds) == (outcome, number, 0.5)
