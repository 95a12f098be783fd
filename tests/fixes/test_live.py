"""On a real engine: red, fix, green, undo, red again; and what may go wrong in between."""

from __future__ import annotations

import re
import secrets
import subprocess
import sys
from pathlib import Path

import pytest

from netdoctor.errors import FixFailed
from netdoctor.fixes.store import Store, state_folder
from netdoctor.topology.engine import read_topology

from .live import LOOPBACK, PORT, SERVE, incident

pytestmark = pytest.mark.docker


def test_red_fix_green_undo_red(lab, netdoctor):
    story = incident(lab)
    assert netdoctor("check", *story.names).status == 1
    fixed = netdoctor("fix", *story.names, "--yes")
    assert fixed.status == 0, fixed
    assert "ND101: confirmed from inside" in fixed.out
    assert story.green()
    assert netdoctor("check", *story.names).status == 0
    undone = netdoctor("undo", "--yes")
    assert undone.status == 0, undone
    assert story.red()
    assert netdoctor("check", *story.names).status == 1
    assert "Nothing to undo" in netdoctor("undo", "--yes").out


def test_a_dry_run_and_a_missing_yes_change_nothing(lab, netdoctor, state, monkeypatch):
    story = incident(lab)
    dry = netdoctor("fix", *story.names, "--dry-run")
    assert dry.status == 1
    assert "docker network connect" in dry.out
    monkeypatch.setattr("sys.stdin", open("/dev/null"))  # noqa: SIM115, PTH123 - pytest puts its own back
    refused = netdoctor("fix", *story.names)
    sys.stdin.close()
    assert refused.status == 2
    assert "--yes" in refused.err
    assert story.red()
    assert not state.exists()


def test_the_second_cause_shows_after_the_first_is_fixed_and_the_progress_is_kept(lab, netdoctor):
    """No shared network and a listener on loopback only: one is fixed, the other remains and fails the run."""
    story = incident(lab, LOOPBACK)
    said = netdoctor("fix", *story.names, "--yes", "--format", "json")
    assert said.status == 1, said
    assert said.json["fixed"] == ["ND101"]
    assert [each["code"] for each in said.json["left"]] == ["ND301"]
    assert story.green()


def test_a_fix_that_breaks_another_connection_of_the_same_container_is_rolled_back(lab, netdoctor):
    """Qdrant uses a db of its own network; on the joined network, which sorts first, another db answers instead."""
    shared, own = lab.network("shared"), lab.network("zz-own")
    lab.container(networks=[shared], aliases=["db"], word="other-db")
    app = lab.container(networks=[shared], word="app")
    db = lab.container(networks=[own], aliases=["db"], word="db", command=SERVE)
    qdrant = lab.container(networks=[own], word="qdrant", command=SERVE, env={"DB_URL": f"http://db:{PORT}/hosts"})
    lab.wait_for_listener(qdrant, PORT)
    lab.wait_for_listener(db, PORT)
    assert netdoctor("check", qdrant.name, f"{db.name}:{PORT}").status == 0
    names = (app.name, f"{qdrant.name}:{PORT}/hosts")
    plan = " ".join(netdoctor("fix", *names, "--network", shared.name, "--dry-run").out.split())
    assert f"the name db means {db.name} now" in plan
    said = netdoctor("fix", *names, "--network", shared.name, "--yes")
    assert said.status == 1, said
    assert "NOT fixed" in said.out
    assert "rolled back" in said.out
    assert "passed before and fails now" in " ".join(said.out.split())
    assert [each.network for each in lab.seen(qdrant).endpoints] == [own.id]
    assert netdoctor("check", qdrant.name, f"{db.name}:{PORT}").status == 0
    assert "Nothing to undo" in netdoctor("undo", "--yes").out


def test_a_filter_behind_the_missing_network_is_what_remains(lab, netdoctor):
    """From no network to a packet that is dropped at the target: progress, kept, and not called fixed."""
    story = incident(lab)
    lab.iptables(story.qdrant, "-A", "INPUT", "-p", "tcp", "--dport", str(PORT), "-j", "DROP")
    said = netdoctor("fix", *story.names, "--yes", "--timeout", "1.5")
    assert said.status == 1
    assert "fixed      ND101" in said.out
    assert "remains" in said.out
    assert story.green()


def test_the_foreseen_move_of_the_default_route_is_what_happens(lab, netdoctor):
    story = incident(lab)
    lab.wait_until(lambda: story.red(), "the incident")

    def route():
        found = lab.api.exec_create(story.qdrant.id, ["ip", "route"])
        return lab.api.exec_start(found["Id"]).decode()

    before = route()
    plan = netdoctor("fix", *story.names, "--dry-run").out
    netdoctor("fix", *story.names, "--yes")
    moved = route().splitlines()[0] != before.splitlines()[0]
    assert moved == (story.shared.name < story.own.name)
    assert moved == ("default route" in " ".join(plan.split()))
    netdoctor("undo", "--yes")
    assert route() == before


def test_a_network_of_their_own_moves_no_default_route_and_goes_again(lab, netdoctor):
    story = incident(lab)

    def routes():
        return [
            lab.api.exec_start(lab.api.exec_create(one.id, ["ip", "route", "show", "default"])["Id"]).decode()
            for one in (story.app, story.qdrant)
        ]

    before = routes()
    said = netdoctor("fix", *story.names, "--isolate", "--yes")
    assert said.status == 0, said
    (made,) = story.networks(story.app) & story.networks(story.qdrant)
    try:
        found = lab.api.inspect_network(made)
        assert set(found["Containers"]) == {story.app.id, story.qdrant.id}
        assert routes()[0].split()[:3] == before[0].split()[:3]
        assert routes()[1].split()[:3] == before[1].split()[:3]
    finally:
        assert netdoctor("undo", "--yes").status == 0
    assert story.red()
    assert made not in {each["Id"] for each in lab.api.networks()}


def test_a_name_in_use_is_not_taken(lab, netdoctor):
    story = incident(lab)
    owner = lab.container(networks=[story.shared], aliases=[story.qdrant.name], word="owner")
    said = netdoctor("fix", story.app.name, f"{story.qdrant.name}:8080", "--network", story.shared.name, "--dry-run")
    text = " ".join(said.out.split())
    assert f"is in use on {story.shared.name} by {owner.name}" in text
    assert f"--alias {story.qdrant.name} " not in said.out


def planned(lab, netdoctor, names, state):
    """The plan of a session, for faults between plan and apply."""
    from netdoctor.cli.check import edges_for
    from netdoctor.cli.common import session
    from netdoctor.cli.fix import desk_of, journal_of
    from netdoctor.cli.settings import Settings
    from netdoctor.fixes.choices import Choices
    from netdoctor.fixes.service import execute, intend

    def execute_after(happening):
        with session(Settings(quiet=1)) as opened:
            report = opened.diagnose(edges_for(opened.topology, *names))
            intended = intend(report, Choices())
            assert intended.plan.fixes
            happening()
            journal = journal_of(opened)
            with journal.locked():
                return execute(intended, desk_of(opened, journal))

    return execute_after


def test_container_removed_between_plan_and_apply(lab, netdoctor, state):
    story = incident(lab)
    result = planned(lab, netdoctor, story.names, state)(lambda: lab.api.remove_container(story.qdrant.id, force=True))
    assert isinstance(result.failure, FixFailed)
    assert "is gone" in result.failure.message
    assert "Nothing was changed" in result.failure.message
    assert result.status == 1


def test_network_removed_between_plan_and_apply(lab, netdoctor, state):
    story = incident(lab)

    def remove():
        for member in lab.api.inspect_network(story.shared.id)["Containers"]:
            lab.api.disconnect_container_from_network(member, story.shared.id, force=True)
        lab.api.remove_network(story.shared.id)

    result = planned(lab, netdoctor, story.names, state)(remove)
    assert "is gone meanwhile" in result.failure.message
    assert story.networks(story.qdrant) == {story.own.id}


def test_name_taken_between_plan_and_apply(lab, netdoctor, state):
    story = incident(lab)
    result = planned(lab, netdoctor, story.names, state)(
        lambda: lab.container(networks=[story.shared], aliases=[story.qdrant.name], word="thief")
    )
    assert "is taken on network" in result.failure.message
    assert story.red()


def test_connected_by_somebody_else_between_plan_and_apply(lab, netdoctor, state):
    story = incident(lab)
    result = planned(lab, netdoctor, story.names, state)(
        lambda: lab.api.connect_container_to_network(story.qdrant.id, story.shared.id)
    )
    assert result.status == 0
    assert story.green()
    assert "Nothing to undo" in netdoctor("undo", "--yes").out, "theirs is not ours to take back"


def test_two_netdoctors_at_once_one_is_turned_away(lab, netdoctor, state, engine):
    story = incident(lab)
    store = Store(state_folder(engine.id, {"NETDOCTOR_STATE_DIR": str(state)}, root=True), engine.id)
    with store.locked():
        said = netdoctor("fix", *story.names, "--yes")
    assert said.status == 3
    assert "Another netdoctor" in said.err
    assert story.red()


@pytest.mark.parametrize("moment", [2, 4, 5, 6, 8])
@pytest.mark.parametrize("way", ["undo", "finish"])
def test_killed_at_any_step_the_next_run_knows_and_offers_both_ways(lab, netdoctor, state, moment, way):
    story = incident(lab)
    program = [
        sys.executable,
        str(Path(__file__).with_name("killed_at.py")),
        str(moment),
        "KILL",
        "fix",
        *story.names,
        "--yes",
    ]
    killed = subprocess.run(program, capture_output=True, text=True, timeout=120, check=False)
    assert killed.returncode == -9, killed.stderr
    again = netdoctor("fix", *story.names, "--yes")
    if moment == 2:
        # Nothing had been tried: the next run simply starts anew.
        assert again.status == 0
        assert story.green()
        return
    assert again.status == 1
    assert "An earlier fix was interrupted" in again.err
    assert f"docker network connect --alias {story.qdrant.name} {story.shared.name}" in again.err
    assert "netdoctor undo" in again.err
    assert "netdoctor fix --finish" in again.err
    if way == "undo":
        assert netdoctor("undo", "--yes").status == 0
        assert story.red()
    else:
        said = netdoctor("fix", "--finish")
        assert said.status == 0, said
        assert f"netdoctor fix {story.app.name} {story.qdrant.name} --persist" in said.out
        assert story.green()
        assert netdoctor("check", *story.names).status == 0
        assert netdoctor("undo", "--yes").status == 0
        assert story.red()


def test_undo_refuses_when_somebody_has_moved_the_container_since(lab, netdoctor):
    story = incident(lab)
    netdoctor("fix", *story.names, "--yes")
    other = lab.network("other")
    lab.api.connect_container_to_network(story.qdrant.id, other.id)
    said = netdoctor("undo", "--yes")
    assert said.status == 1
    assert f"is now also on network {other.name}" in said.err
    assert story.networks(story.qdrant) == {story.own.id, story.shared.id, other.id}


def test_undo_can_forget_what_it_refuses_and_speaks_json(lab, netdoctor):
    story = incident(lab)
    netdoctor("fix", *story.names, "--yes")
    lab.api.disconnect_container_from_network(story.qdrant.id, story.shared.id)
    refused = netdoctor("undo", "--yes")
    assert refused.status == 1
    assert f"is no longer on network {story.shared.name}" in refused.err
    assert "netdoctor undo --forget" in refused.err
    assert netdoctor("undo", "--forget", "--yes").status == 0
    assert netdoctor("undo", "--yes", "--format", "json").json == {"schema": "netdoctor.undo/1", "undone": None}
    netdoctor("fix", *story.names, "--yes")
    done = netdoctor("undo", "--yes", "--format", "json")
    assert done.status == 0
    assert done.json["problems"] == []
    assert story.red()


def test_a_plan_without_a_terminal_is_refused_in_every_format(lab, netdoctor, monkeypatch):
    story = incident(lab)
    with open("/dev/null") as nobody:  # noqa: PTH123 - a device
        monkeypatch.setattr("sys.stdin", nobody)
        said = netdoctor("fix", *story.names, "--format", "json")
        undone = netdoctor("undo")
        monkeypatch.undo()
    assert said.status == 2
    assert "--yes" in said.json["error"]["hint"]
    assert undone.status == 0, "there was nothing to undo, so there was nothing to ask"
    assert story.red()


def test_a_restart_is_no_move(lab, netdoctor):
    """EndpointID, address and MAC may all be new; the fix can be undone all the same."""
    story = incident(lab)
    netdoctor("fix", *story.names, "--yes")
    lab.api.restart(story.qdrant.id, timeout=1)
    lab.wait_for_listener(story.qdrant, 8080)
    assert netdoctor("undo", "--yes").status == 0
    assert story.red()


def test_on_the_default_bridge_the_change_of_resolv_conf_is_announced_and_reported(lab, netdoctor):
    """Measured: after connect and disconnect resolv.conf keeps Docker's nameserver until a restart."""
    shared = lab.network("shared")
    app = lab.container(networks=[shared], word="app")
    qdrant = lab.container(mode="bridge", word="qdrant", command=["httpd", "-f", "-p", "8080", "-h", "/etc"])
    lab.wait_for_listener(qdrant, 8080)
    names = (app.name, f"{qdrant.name}:8080/hosts")
    plan = netdoctor("fix", *names, "--move", "target", "--dry-run")
    assert "resolv.conf changes" in " ".join(plan.out.split()), plan
    assert netdoctor("fix", *names, "--move", "target", "--yes").status == 0
    undone = netdoctor("undo", "--yes")
    assert undone.status == 0
    text = " ".join(undone.out.split())
    assert "/etc/resolv.conf" in text
    assert f"only a restart restores that: docker restart {qdrant.name}" in text


def test_aliases_are_sent_and_networks_are_addressed_by_id(lab, netdoctor, engine):
    """20.10 accepts two networks of one name; by name that would be ambiguous."""
    story = incident(lab)
    twin = lab.network(name=story.shared.name)
    said = netdoctor("fix", *story.names, "--yes")
    assert said.status == 0, said
    assert story.green()
    assert story.networks(story.qdrant).isdisjoint({twin.id})
    found = read_topology(engine).container(story.qdrant.id)
    assert story.qdrant.name in found.endpoint_on(story.shared.id).aliases


def test_without_names_what_check_finds_is_planned(lab, netdoctor):
    """The caller's own environment says whom it wants; other people's containers are left out of this by name."""
    shared, own = lab.network("shared"), lab.network("zz-own")
    lab.container(networks=[shared], word="bystander")
    qdrant = lab.container(networks=[own], word="qdrant", command=["httpd", "-f", "-p", "8080", "-h", "/etc"])
    app = lab.container(networks=[shared], word="app", env={"QDRANT_URL": f"http://{qdrant.name}:8080"})
    lab.wait_for_listener(qdrant, 8080)
    said = netdoctor("fix", app.name, "--yes")
    assert said.status == 0, said
    assert re.search(r"fixed +ND101", said.out)


def test_a_fixed_ipv6_address_is_kept_through_a_reconnect_and_its_undo(lab, netdoctor):
    """A name can be given only while joining; whoever fixed an address wants it back."""
    from netdoctor.cli.check import edges_for
    from netdoctor.cli.common import session
    from netdoctor.cli.fix import desk_of, journal_of
    from netdoctor.cli.settings import Settings
    from netdoctor.fixes.plan import PlannedFix
    from netdoctor.fixes.run import baseline, carry_out
    from netdoctor.model import Remedy
    from netdoctor.model.joining import rejoin_operations

    from .build import finding

    prefix = f"fd{secrets.token_hex(1)}:{secrets.token_hex(2)}:{secrets.token_hex(2)}"
    net = lab.network("v6", ipv6_subnet=f"{prefix}::/64")
    other = lab.network("other")
    labels = {"com.docker.compose.project": f"nd{lab.suffix}", "com.docker.compose.service": "store"}
    app = lab.container(networks=[net], word="app")
    store = lab.container(networks=[other], word="store", command=SERVE, labels=labels)
    lab.api.connect_container_to_network(store.id, net.id, ipv6_address=f"{prefix}::77")
    lab.wait_for_listener(store, PORT)
    names = (app.name, f"{store.name}:{PORT}/hosts")

    def fixed():
        found = lab.seen(store).endpoint_on(net.id)
        return found.user_ipv6, "store" in found.aliases

    assert fixed() == (f"{prefix}::77", False)
    with session(Settings(quiet=1)) as opened:
        report = opened.diagnose(edges_for(opened.topology, *names))
        topology = opened.topology
        steps = rejoin_operations(topology, topology.container(store.id), topology.network(net.id), "store")
        assert steps[-1].command().count("--ip6") == 1
        fix = PlannedFix(finding(report.edges[0].edge, topology), Remedy("Reconnect", steps))
        journal = journal_of(opened)
        with journal.locked():
            carry_out(fix, baseline(report, fix), desk_of(opened, journal))
    assert fixed() == (f"{prefix}::77", True)
    assert netdoctor("undo", "--yes").status == 0
    assert fixed() == (f"{prefix}::77", False)
