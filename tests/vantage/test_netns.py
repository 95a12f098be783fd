"""netns: the proof of whose process it is, every network mode, and what the thread does and does not do."""

from __future__ import annotations

import os
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from netdoctor.vantage import sock_diag
from netdoctor.vantage.choose import Vantages
from netdoctor.vantage.interface import CannotAsk
from netdoctor.vantage.netns import NetnsVantage, SocketFactory
from netdoctor.vantage.process import NotProven, prove
from netdoctor.vantage.procnet import NamespaceTables

pytestmark = [pytest.mark.docker, pytest.mark.skipif(os.geteuid() != 0, reason="entering a namespace needs root")]


def identity(lab: Any, container: Any) -> Any:
    def inspect() -> tuple[int, str]:
        state = lab.engine.inspect_container(container.id)["State"]
        return state["Pid"], state["StartedAt"]

    return inspect


def descriptors_open() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_the_main_threads_tables_stay_the_hosts_after_another_thread_entered(lab: Any) -> None:
    """/proc/self/net is the main thread's, whoever reads it; /proc/thread-self/net is the reader's own."""
    container = lab.container("busybox", networks=[lab.network()])
    seen: dict[str, str] = {}

    def enter_and_read() -> None:
        from netdoctor.vantage.netns import _setns

        descriptor = os.open(f"/proc/{lab.pid(container)}/ns/net", os.O_RDONLY)
        _setns(descriptor)
        os.close(descriptor)
        seen["self"] = Path("/proc/self/net/route").read_text()
        seen["thread-self"] = Path("/proc/thread-self/net/route").read_text()

    thread = threading.Thread(target=enter_and_read)
    thread.start()
    thread.join()
    assert seen["thread-self"] != seen["self"]
    assert seen["thread-self"] == Path(f"/proc/{lab.pid(container)}/net/route").read_text()


def test_a_process_of_another_container_is_never_taken_for_ours(lab: Any) -> None:
    network = lab.network()
    ours, other = lab.container(networks=[network]), lab.container(networks=[network])
    container = lab.seen(ours)
    assert container.state is not None
    forged = replace(container, state=replace(container.state, pid=lab.pid(other)))
    with pytest.raises(NotProven, match="not proven"):
        prove(forged, identity(lab, ours))
    with pytest.raises(NotProven, match="not visible"):
        prove(replace(container, state=replace(container.state, pid=4194304)), identity(lab, ours))


def test_a_container_that_was_restarted_is_not_entered_with_old_knowledge(lab: Any) -> None:
    made = lab.container(networks=[lab.network()])
    before = lab.seen(made)
    lab.api.restart(made.id, timeout=0)
    after = lab.seen(made)
    assert before.state is not None
    assert after.state is not None
    # The very same pid with another start time must be refused as well.
    half_old = replace(after, state=replace(after.state, started_at=before.state.started_at))
    for stale in (before, half_old):
        with pytest.raises(NotProven):
            prove(stale, identity(lab, made))
    prove(after, identity(lab, made)).close()


@pytest.mark.parametrize("kind", ["netns", "sidecar"])
def test_borrowed_host_and_none_namespaces_are_entered(lab: Any, kind: str) -> None:
    network = lab.network()
    owner = lab.container(networks=[network])
    borrower = lab.container(mode=f"container:{owner.id}")
    hosted, alone = lab.container(mode="host"), lab.container(mode="none")
    lab.image("probe")
    topology = lab.topology()
    with Vantages(lab.engine, topology, preference=kind) as vantages:

        def at(made: Any) -> Any:
            container = topology.container(made.id)
            assert container is not None
            return vantages.at(container.ref)

        assert lab.address(owner, network) in at(borrower).addresses()
        assert at(borrower) is at(owner)
        assert at(alone).addresses() == ("127.0.0.1",)
        assert at(alone).ping("127.0.0.1", 2).received == 1
        own = set(Path("/proc/net/dev").read_text().split())
        assert {route.interface for route in at(hosted).routes()} <= {word.rstrip(":") for word in own}
        gateway = lab.api.inspect_network(network.id)["IPAM"]["Config"][0]["Gateway"]
        assert gateway in at(hosted).addresses()
        assert gateway not in at(owner).addresses()


def test_the_thread_ends_with_the_vantage_and_no_descriptor_stays(lab: Any) -> None:
    made = lab.container(networks=[lab.network()])
    container = lab.seen(made)
    threads, descriptors = threading.active_count(), descriptors_open()
    for _ in range(5):
        vantage = NetnsVantage(container, prove(container, identity(lab, made)), lambda path: "")
        vantage.ping("127.0.0.1", 1)
        vantage.close()
        vantage.close()
        with pytest.raises(CannotAsk, match="closed"):
            vantage.dial("127.0.0.1", 1, 1)
    assert threading.active_count() <= threads
    assert descriptors_open() == descriptors


def test_what_is_no_network_namespace_is_refused_as_the_kernel_says() -> None:
    before = threading.active_count()
    with Path(os.devnull).open() as handle, pytest.raises(OSError):
        SocketFactory(handle.fileno(), "null")
    assert threading.active_count() <= before


def test_the_kernels_answer_over_netlink_is_that_of_its_tables(lab: Any) -> None:
    """Two ways to the same rows: netlink is fast, /proc is everywhere."""
    program = (
        "import signal, socket\n"
        "one = [socket.create_server(('0.0.0.0', 7001)), socket.create_server(('127.0.0.1', 7002), backlog=0),\n"
        "       socket.create_server(('::', 7003), family=socket.AF_INET6)]\n"
        "two = socket.create_connection(('127.0.0.1', 7002))\n"
        "dual = socket.socket(socket.AF_INET6)\n"
        "dual.connect(('::ffff:127.0.0.1', 7001))\n"
        "signal.pause()\n"
    )
    made = lab.container("python", networks=[lab.network()], command=["python3", "-c", program])
    lab.wait_for_listener(made, 7001, 7002, 7003)
    lab.wait_until(lambda: " 01 " in Path(f"/proc/{lab.pid(made)}/net/tcp6").read_text(), "a connection")
    container = lab.seen(made)
    process = prove(container, identity(lab, made))
    vantage = NetnsVantage(container, process, lambda path: "")
    try:
        fast, slow = sock_diag.listeners(vantage._factory.make), NamespaceTables(process.net_table).listeners()
        assert set(fast) == set(slow)
        assert {(each.port, each.backlog_waiting) for each in fast} == {(7001, 1), (7002, 1), (7003, 0)}
        held = sock_diag.connections(vantage._factory.make)
        assert sorted(held, key=str) == sorted(NamespaceTables(process.net_table).connections(), key=str)
        assert {each.remote for each in held} >= {("127.0.0.1", 7001), ("127.0.0.1", 7002)}
    finally:
        vantage.close()
