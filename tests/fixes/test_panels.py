"""A platform is told over its API: read, edited, written, read back; refused when it moved; taken back by undo."""

from __future__ import annotations

from dataclasses import replace

import pytest
import yaml
from platforms import panels as servers
from platforms.panels import TOKEN, does_it_and_hangs_up, hangs_up, says, says_yes_and_does_nothing

from netdoctor.errors import UsageError
from netdoctor.fixes.journal import Journal, StepState
from netdoctor.fixes.panels import Panels, write_panels
from netdoctor.fixes.permanent import Declared, PanelPatch, Paste
from netdoctor.fixes.persist import plan_permanence
from netdoctor.fixes.restore import restore_panels
from netdoctor.fixes.store import Store
from netdoctor.model import Membership, Topology
from netdoctor.platforms._http import Access, Http, PanelError
from netdoctor.platforms.interface import PLATFORMS

from .build import APP, COOLIFY, OWN, container, endpoint, network, topology

UUID = "qkkkc8kskocgwo0o8c444cgo"
TEXT = """\
# ours
services:
  qdrant:
    image: qdrant/qdrant
    environment:
      API_KEY: hunter2-never-shown
  web:
    image: nginx
"""
BACKEND = network("backend")


def labelled(platform, service="qdrant", **more):
    paths = {
        "dokploy": "/etc/dokploy/compose/shop-a1b2c3/code",
        "portainer": "/data/compose/12/v1",
        "coolify": f"/data/coolify/services/{UUID}",
    }
    project = {"dokploy": "shop-a1b2c3", "portainer": "shop", "coolify": UUID}[platform]
    marks = {"coolify.managed": "true", "coolify.type": "service"} if platform == "coolify" else {}
    labels = {"com.docker.compose.project.working_dir": paths[platform], **marks, **more}
    return container(f"{project}-{service}-1", OWN, service=service, project=project, labels=labels)


@pytest.fixture(params=["coolify", "dokploy", "portainer"])
def platform(request):
    return request.param


@pytest.fixture
def panel(platform):
    with {"coolify": servers.Coolify, "dokploy": servers.Dokploy, "portainer": servers.Portainer}[platform]() as made:
        if platform == "coolify":
            made.services[UUID] = {"name": "db", "docker_compose_raw": TEXT, "connect_to_docker_network": False}
        elif platform == "dokploy":
            made.compose["c1"] = {"name": "shop", "appName": "shop-a1b2c3", "sourceType": "raw", "composeFile": TEXT}
            made.compose["c2"] = {"name": "x", "appName": "my-shop-a1b2c3", "sourceType": "raw", "composeFile": ""}
        else:
            env = [{"name": "A", "value": "hunter2-never-shown"}]
            made.stacks["12"] = {"Id": 12, "Name": "shop", "Type": 2, "EndpointId": 3, "Env": env, "GitConfig": None}
            made.files["12"] = TEXT
        yield made


def held(panel):
    """The text that the platform has now."""
    if isinstance(panel, servers.Coolify):
        return panel.services[UUID]["docker_compose_raw"]
    return panel.compose["c1"]["composeFile"] if isinstance(panel, servers.Dokploy) else panel.files["12"]


def put(panel, text):
    """Somebody else changes it there."""
    if isinstance(panel, servers.Coolify):
        panel.services[UUID]["docker_compose_raw"] = text
    elif isinstance(panel, servers.Dokploy):
        panel.compose["c1"]["composeFile"] = text
    else:
        panel.files["12"] = text


@pytest.fixture
def desk(panel):
    made = []

    def opened(name, platform, address):
        if not made:
            api, access = platform.api, Access(panel.address, TOKEN)
            headers, nap = api.headers(TOKEN), lambda _: None
            made.append(Http(access, platform.title, api.root, headers, "NETDOCTOR_X", sleep=nap, read_timeout=5.0))
        return made[0]

    yield Panels(opened, disruptive=True, sleep=lambda _: None)
    for each in made:
        each.close()


@pytest.fixture
def journal(tmp_path):
    made = Journal(Store(tmp_path / "state", "engine-1"))
    with made.locked():
        yield made


def around(*ones) -> Topology:
    return topology(COOLIFY, OWN, BACKEND, APP, *ones)


def planned(desk, *ones, net="backend", aliases=()):
    return plan_permanence([Membership(one.id, net, aliases) for one in ones], around(*ones), panels=desk)


def told(permanent, desk, journal, *ones):
    name = journal.begin("x", [], [], {}, {})
    return write_panels(permanent, around(*ones).container, desk, journal, name)


def networks(text, service="qdrant"):
    return yaml.safe_load(text)["services"][service].get("networks")


def test_told_read_back_and_taken_back(panel, platform, desk, journal):
    one = labelled(platform)
    permanent = planned(desk, one)
    (patch,) = permanent.panels
    assert isinstance(patch, PanelPatch)
    assert panel.changes() == 0, "planning asks only"
    assert "+      - backend" in patch.diff
    assert "hunter2" not in patch.diff
    (done, left) = told(permanent, desk, journal, one)
    assert (len(done), left) == (1, ())
    assert networks(held(panel)) == ["default", "backend"]
    assert yaml.safe_load(held(panel))["networks"] == {"backend": {"external": True}}
    (transaction,) = journal.transactions()
    assert transaction.panels[0].state is StepState.DONE
    assert TOKEN not in journal.store.path.read_text()
    desk.take_back(transaction.panels[0])
    assert yaml.safe_load(held(panel)) == yaml.safe_load(TEXT)
    if platform != "coolify":
        assert held(panel) == TEXT, "byte for byte, where the platform keeps what it is told"


def test_what_it_says_already_is_no_change(panel, platform, desk, journal):
    one = labelled(platform)
    told(planned(desk, one), desk, journal, one)
    assert isinstance(planned(desk, one).declared[0], Declared)


def test_two_services_of_one_stack_are_told_one_after_the_other_and_both_taken_back(panel, platform, desk, journal):
    ones = labelled(platform), labelled(platform, "web")
    (done, left) = told(planned(desk, *ones), desk, journal, *ones)
    assert (len(done), left) == (2, ())
    assert networks(held(panel)) == networks(held(panel), "web") == ["default", "backend"]
    for change in reversed(journal.transactions()[0].panels):
        desk.take_back(change)
    assert yaml.safe_load(held(panel)) == yaml.safe_load(TEXT)


def test_when_the_first_of_two_is_not_told_the_second_is_all_the_same(panel, platform, desk, journal):
    ones = labelled(platform), labelled(platform, "web")
    permanent = planned(desk, *ones)
    (done, left) = told(replace(permanent, panels=permanent.panels[1:]), desk, journal, *ones)
    assert (len(done), left) == (1, ())
    assert (networks(held(panel)), networks(held(panel), "web")) == (None, ["default", "backend"])


def test_changed_by_somebody_else_between_plan_and_write_nothing_is_written(panel, platform, desk, journal):
    one = labelled(platform)
    permanent = planned(desk, one)
    theirs = TEXT.replace("nginx", "nginx:2")
    put(panel, theirs)
    (done, (paste,)) = told(permanent, desk, journal, one)
    assert done == ()
    assert "changed by somebody else meanwhile" in paste.why
    assert "backend" in paste.text
    assert held(panel) == theirs
    assert journal.transactions()[0].panels == ()


def test_changed_by_somebody_else_since_the_undo_leaves_it_alone(panel, platform, desk, journal):
    one = labelled(platform)
    told(planned(desk, one), desk, journal, one)
    theirs = held(panel).replace("nginx", "nginx:2")
    put(panel, theirs)
    with pytest.raises(PanelError, match="was changed since"):
        desk.take_back(journal.transactions()[0].panels[0])
    assert held(panel) == theirs


def test_taking_back_what_somebody_took_back_already_is_fine(panel, platform, desk, journal):
    one = labelled(platform)
    told(planned(desk, one), desk, journal, one)
    put(panel, TEXT)
    panel.asked.clear()
    desk.take_back(journal.transactions()[0].panels[0])
    assert panel.changes() == 0


WRITE = {"coolify": "PATCH", "dokploy": "POST", "portainer": "PUT"}


def test_a_change_that_arrived_though_the_answer_did_not_is_found_by_reading_back(panel, platform, desk, journal):
    one = labelled(platform)
    permanent = planned(desk, one)
    panel.misbehave(WRITE[platform], "/", does_it_and_hangs_up)
    (done, left) = told(permanent, desk, journal, one)
    assert (len(done), left) == (1, ())
    assert panel.changes() == 1, "it is not sent twice"


def test_a_change_of_which_nobody_knows_stays_in_the_journal(panel, platform, desk, journal):
    one = labelled(platform)
    permanent = planned(desk, one)
    panel.misbehave(WRITE[platform], "/", hangs_up)
    (done, (paste,)) = told(permanent, desk, journal, one)
    assert done == ()
    assert "Nobody said whether the change arrived" in paste.why
    ((_, change),) = journal.transactions()[0].panels_standing
    desk.take_back(change)
    assert held(panel) == TEXT


def test_a_no_is_a_no(panel, platform, desk, journal):
    one = labelled(platform)
    permanent = planned(desk, one)
    panel.misbehave(WRITE[platform], "/", says(403, {"message": "Missing required permissions: write"}))
    (done, (paste,)) = told(permanent, desk, journal, one)
    assert done == ()
    assert "permissions: write" in paste.why
    assert journal.transactions()[0].panels_standing == ()
    assert held(panel) == TEXT


def test_told_and_then_silent_it_is_not_called_permanent_and_can_be_taken_back(panel, platform, desk, journal):
    one = labelled(platform)
    permanent = planned(desk, one)

    def then_silence(_):
        panel.misbehave("GET", "/", says(500), times=2)
        return False

    panel.misbehave(WRITE[platform], "/", then_silence)
    (done, (paste,)) = told(permanent, desk, journal, one)
    assert done == ()
    assert "was told, and could not be read back" in paste.why
    panel.faults.clear()
    ((_, change),) = journal.transactions()[0].panels_standing
    desk.take_back(change)
    assert networks(held(panel)) is None


def test_a_yes_without_a_change_is_not_believed(panel, platform, desk, journal):
    one = labelled(platform)
    permanent = planned(desk, one)
    panel.misbehave(WRITE[platform], "/", says_yes_and_does_nothing)
    (done, (paste,)) = told(permanent, desk, journal, one)
    assert done == ()
    assert "changed nothing" in paste.why
    assert journal.transactions()[0].panels_standing == ()


def test_when_it_cannot_be_read_at_all_the_lines_are_given(panel, platform, desk):
    panel.misbehave("GET", "/", says(401), times=2)
    (paste,) = planned(desk, labelled(platform)).pastes
    assert "does not accept the token" in paste.why
    assert "backend" in paste.text


def test_a_text_that_must_not_be_edited_is_refused_with_its_reason(panel, platform, desk):
    put(panel, "services:\n  qdrant: &a\n    image: x\n  web: *a\n")
    (paste,) = planned(desk, labelled(platform)).pastes
    assert "is not edited" in paste.why


def test_a_service_name_that_is_taken_there_is_not_made_permanent(panel, platform, desk):
    one = labelled(platform)
    thief = replace(container("thief"), endpoints=(endpoint(BACKEND, "thief", "qdrant"),))
    (paste,) = plan_permanence([Membership(one.id, "backend")], around(one, thief), panels=desk).pastes
    assert "where another container has it" in paste.why
    assert panel.asked == []


def test_without_leave_nothing_is_asked(panel, platform):
    (paste,) = plan_permanence([Membership(labelled(platform).id, "backend")], around(labelled(platform))).pastes
    assert isinstance(paste, Paste)
    assert panel.asked == []


def test_without_an_address_it_is_said_before_anything_is_changed(platform):
    def unknown(*_):
        raise UsageError("needed")

    with pytest.raises(UsageError):
        planned(Panels(unknown, disruptive=True), labelled(platform))


# --- each platform's own -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("platform", ["coolify"], indirect=True)
def test_coolify_s_switch_is_enough_for_its_shared_network_and_its_text_stays_untouched(panel, desk, journal):
    one = labelled("coolify")
    permanent = planned(desk, one, net="coolify")
    (patch,) = permanent.panels
    assert patch.switches == ("connect_to_docker_network: false -> true",)
    assert patch.diff == ""
    told(permanent, desk, journal, one)
    assert panel.services[UUID]["connect_to_docker_network"] is True
    assert held(panel) == TEXT, "not even laid out anew"
    assert "deploy?uuid=" in desk.take_back(journal.transactions()[0].panels[0])
    assert panel.services[UUID]["connect_to_docker_network"] is False


@pytest.mark.parametrize("platform", ["coolify"], indirect=True)
def test_further_names_need_the_text(panel, desk):
    (patch,) = planned(desk, labelled("coolify"), net="coolify", aliases=("vectors",)).panels
    assert patch.switches == ()
    assert "+          - vectors" in patch.diff
    assert any("its comments are lost" in note for note in patch.notes)


@pytest.mark.parametrize("platform", ["coolify"], indirect=True)
def test_an_application_of_coolify_has_its_switch_there_and_its_text_in_a_repository(panel, desk, journal):
    one = labelled("coolify", **{"coolify.type": "application"})
    panel.applications[UUID] = {"name": "web", "settings": {"connect_to_docker_network": False}}
    (done, left) = told(planned(desk, one, net="coolify"), desk, journal, one)
    assert (len(done), left) == (1, ())
    assert panel.applications[UUID]["settings"]["connect_to_docker_network"] is True
    (paste,) = planned(desk, one).pastes
    assert "comes from a repository" in paste.why
    assert "in its repository" in paste.text


@pytest.mark.parametrize("platform", ["portainer"], indirect=True)
def test_portainer_keeps_the_environment_and_deploys_only_with_leave(panel, desk, journal):
    one = labelled("portainer")
    told(planned(desk, one), desk, journal, one)
    assert panel.stacks["12"]["Env"] == [{"name": "A", "value": "hunter2-never-shown"}]
    assert "hunter2" not in str(journal.transactions()[0].panels[0].wanted["flags"])
    (paste,) = planned(Panels(desk.open, disruptive=False), labelled("portainer", "web")).pastes
    assert "add --disruptive" in paste.why


@pytest.mark.parametrize("platform", ["portainer"], indirect=True)
def test_a_deploy_that_fails_after_the_text_was_stored_is_not_called_undone(panel, desk, journal):
    panel.deploys = lambda *_: False
    one = labelled("portainer")
    (done, left) = told(planned(desk, one), desk, journal, one)
    assert (len(done), left) == (1, ()), "the text is there: it reads back"
    assert journal.transactions()[0].panels_standing


@pytest.mark.parametrize(
    "text", ["a: \ud800\n", "\0", "", "- a\n", "[" * 3000 + "]" * 3000, "x: &x [*x]\n", "{{ x }}: 1\n"]
)
def test_whatever_a_platform_gives_for_a_compose_text_ends_in_a_reason(panel, platform, desk, text):
    put(panel, text)
    (paste,) = planned(desk, labelled(platform)).pastes
    assert paste.why
    assert "backend" in paste.text


class Killed(BaseException):
    """As SIGKILL: nothing of ours runs after it."""


@pytest.mark.parametrize("moment", range(6))
def test_killed_at_any_moment_of_telling_it_the_journal_knows_and_it_is_taken_back(
    panel, platform, desk, journal, moment, monkeypatch
):
    """Moments: before and after the intent, the change, and the word that it is done."""
    one = labelled(platform)
    permanent = planned(desk, one)
    name = journal.begin("x", [], [], {}, {})
    passed = iter(range(100))

    def ticking(real):
        def wrapped(*args, **kwargs):
            if next(passed) == moment:
                raise Killed
            found = real(*args, **kwargs)
            if next(passed) == moment:
                raise Killed
            return found

        return wrapped

    api = type(PLATFORMS.get(platform).api)
    write = ticking(api.write)
    with monkeypatch.context() as patched:
        patched.setattr(journal.store, "append", ticking(journal.store.append))
        patched.setattr(api, "write", write)
        with pytest.raises(Killed):
            write_panels(permanent, around(one).container, desk, journal, name)
    again = Panels(desk.open, disruptive=True, sleep=lambda _: None)
    done = restore_panels(journal.transactions()[0].panels_standing, journal, name, again.take_back)
    assert done.problems == []
    assert yaml.safe_load(held(panel)) == yaml.safe_load(TEXT)
    assert journal.transactions()[0].panels_standing == ()
