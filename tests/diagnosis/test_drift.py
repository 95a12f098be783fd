"""What the files declare against what runs: every difference once, and a file that cannot be read is no health."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from netdoctor.cli.common import status_of
from netdoctor.cli.settings import Settings
from netdoctor.diagnosis.drift import drift
from netdoctor.errors import NetdoctorError, UsageError
from netdoctor.exits import Exit
from netdoctor.formats.human import HumanFormat
from netdoctor.formats.interface import Look
from netdoctor.formats.json import JsonFormat
from netdoctor.model import Container, Endpoint, Fact, Network, Severity, State, Topology, Unseen, Verdict

LABEL = "com.docker.compose"
FRONT = Network("n1", "shop_front", labels={f"{LABEL}.project": "shop", f"{LABEL}.network": "front"})
BACK = Network("n2", "shop_back", labels={f"{LABEL}.project": "shop", f"{LABEL}.network": "back"})
OTHER = Network("n3", "other")
RUNNING = State("running", True, pid=1)

FILE = """\
services:
  app:
    image: x
    networks: [front, back]
  store:
    image: x
    networks: {front: {aliases: [vectors]}}
networks: {front: {}, back: {}}
"""


def container(folder, service, *networks, number=1, aliases=(), age=60.0, state=RUNNING, **more):
    """``age``: how many seconds after the file it was made."""
    name = f"shop-{service}-{number}"
    endpoints = tuple(
        Endpoint(n.id, n.name, aliases=(service, *aliases), names=(name, service, *aliases)) for n in networks
    )
    labels = {
        f"{LABEL}.project": "shop",
        f"{LABEL}.service": service,
        f"{LABEL}.project.working_dir": str(folder),
        f"{LABEL}.project.config_files": "compose.yaml",
        **more.pop("labels", {}),
    }
    made = datetime.fromtimestamp(time.time() + age, UTC).isoformat()
    return Container(f"id-{name}", name, labels=labels, endpoints=endpoints, created=made, state=state, **more)


def as_declared(folder):
    return container(folder, "app", FRONT, BACK), container(folder, "store", FRONT, aliases=("vectors",))


def seen(*containers, endpoint="unix:///x"):
    return Topology(frozenset({Fact.RUNTIME}), containers, (FRONT, BACK, OTHER), endpoint=endpoint)


def found(folder, *containers, text=FILE, **how):
    (folder / "compose.yaml").write_text(text)
    return drift(seen(*containers), **how)


def lines(report):
    return {line for finding in report.findings for line in finding.evidence}


def test_what_runs_as_declared_is_no_drift(tmp_path):
    report = found(tmp_path, *as_declared(tmp_path))
    assert (report.findings, report.verdict, report.unjudged) == ((), Verdict.HOLDS, ())
    assert status_of(report, Settings(fail_on="info")) is Exit.OK
    assert "1 project, 2 containers: no drift seen" in HumanFormat().render(report, Look())


def test_missing_and_extra_endpoints_and_lost_aliases_are_told_each_with_its_place(tmp_path):
    app, store = container(tmp_path, "app", FRONT, OTHER), container(tmp_path, "store", FRONT)
    report = found(tmp_path, app, store)
    assert lines(report) == {
        "shop-app-1 is not on shop_back, which the file declares",
        "shop-app-1 is on other, which the file does not declare",
        "shop-store-1 does not have the name vectors on shop_front, which the file gives it",
    }
    assert [each.severity for each in report.findings] == [Severity.WARNING] * 2
    assert [report.topology.place(*each.about).line for each in report.findings] == [2, 5]
    assert status_of(report, Settings()) is Exit.OK, "a warning fails only who asks for it"
    assert status_of(report, Settings(fail_on="warning")) is Exit.FINDINGS


def test_a_service_that_does_not_run_or_has_no_container_or_is_in_the_file_no_more(tmp_path):
    app, _ = as_declared(tmp_path)
    stopped = replace(app, state=State("exited", exit_code=137))
    old = container(tmp_path, "worker", FRONT)
    report = found(tmp_path, stopped, old)
    assert lines(report) == {
        "shop-app-1 is not running (exited, exit code 137)",
        "the service store is declared, and has no container",
        "the service worker is no longer in the file",
    }
    assert '"name": "shop/store"' in JsonFormat().render(report, Look())


def test_jobs_that_ended_well_profiles_and_services_of_no_containers_are_as_declared(tmp_path):
    text = """\
services:
  app:
    image: x
    networks: [front, back]
    depends_on: {job: {condition: service_completed_successfully}}
  job: {image: x, networks: [front]}
  debug: {image: x, profiles: [debug]}
  off: {image: x, deploy: {replicas: 0}}
networks: {front: {}, back: {}}
"""
    app, _ = as_declared(tmp_path)
    job = container(tmp_path, "job", FRONT, state=State("exited", exit_code=0))
    assert found(tmp_path, app, job, text=text).findings == ()
    failed = replace(job, state=State("exited", exit_code=3))
    assert "is not running (exited, exit code 3)" in str(lines(found(tmp_path, app, failed, text=text)))


def test_too_few_replicas(tmp_path):
    text = "services: {app: {image: x, networks: [front], deploy: {replicas: 3}}}\nnetworks: {front: {}}\n"
    apps = [container(tmp_path, "app", FRONT, number=n) for n in (1, 2)]
    assert lines(found(tmp_path, *apps, text=text)) == {"2 of 3 containers of the service app run"}


def test_a_container_older_than_its_file_is_said_and_fails_nobody(tmp_path):
    app, store = as_declared(tmp_path)
    old = container(tmp_path, "store", FRONT, aliases=("vectors",), age=-60.0)
    report = found(tmp_path, app, old)
    (finding,) = report.findings
    assert finding.severity is Severity.INFO
    assert "was written after shop-store-1 was made" in finding.cause
    assert status_of(report, Settings(fail_on="warning")) is Exit.OK
    assert store.id == old.id


@pytest.mark.parametrize("damage", ["gone", "broken", "remote"])
def test_a_file_that_cannot_be_read_is_not_healthy_and_says_why(tmp_path, damage):
    (tmp_path / "compose.yaml").write_text("services: [" if damage == "broken" else FILE)
    if damage == "gone":
        (tmp_path / "compose.yaml").unlink()
    report = drift(seen(*as_declared(tmp_path), endpoint="ssh://far" if damage == "remote" else "unix:///x"))
    assert report.verdict is Verdict.UNKNOWN
    assert status_of(report, Settings()) is Exit.UNKNOWN
    reason = {"gone": "is not here", "broken": "cannot be read", "remote": "on the engine's machine"}[damage]
    assert reason in report.unjudged[0].reason
    assert "1 could not be compared" in report.summary
    assert reason in " ".join(HumanFormat().render(report, Look()).split())


def test_an_unreadable_project_hides_no_finding_of_another(tmp_path):
    (tmp_path / "far").mkdir()
    far = container(tmp_path / "far", "app", FRONT, labels={f"{LABEL}.project": "far"})
    report = found(tmp_path, container(tmp_path, "app", FRONT), replace(far, id="far", name="far-app-1"))
    assert report.verdict is Verdict.UNKNOWN
    assert status_of(report, Settings(fail_on="warning")) is Exit.FINDINGS
    only = drift(seen(container(tmp_path, "app", FRONT), replace(far, id="far")), projects=frozenset({"shop"}))
    assert only.verdict is Verdict.HOLDS


def test_a_file_that_is_named_takes_the_place_of_the_labels(tmp_path):
    other = tmp_path / "new.yaml"
    other.write_text(f"name: shop\n{FILE}".replace("[front, back]", "[front]"))
    report = found(tmp_path, *as_declared(tmp_path), files=[str(other)])
    assert lines(report) == {"shop-app-1 is on shop_back, which the file does not declare"}
    with pytest.raises(NetdoctorError, match="nofile"):
        drift(seen(), files=[str(tmp_path / "nofile.yaml")])


def test_nothing_to_compare_is_wrong_usage(tmp_path):
    with pytest.raises(UsageError, match="nothing can be compared"):
        drift(seen())
    with pytest.raises(UsageError, match="named 'nope'"):
        found(tmp_path, *as_declared(tmp_path), projects=frozenset({"nope"}))


def test_oneoff_containers_are_in_no_file(tmp_path):
    run = container(tmp_path, "app", FRONT, number=9, labels={f"{LABEL}.oneoff": "True"})
    assert found(tmp_path, *as_declared(tmp_path), run).findings == ()


def test_values_of_variables_are_not_told(tmp_path):
    text = FILE.replace("    networks: [front, back]", "    networks: [front, back]\n    environment: {KEY: s3cret}")
    app, store = as_declared(tmp_path)
    report = found(tmp_path, replace(app, environment=(("KEY", "0ther"),)), store, text=text)
    assert lines(report) == {"KEY has another value in the file"}
    assert "s3cret" not in JsonFormat().render(report, Look())


def test_a_service_whose_container_could_not_be_looked_at_is_not_called_missing(tmp_path):
    (tmp_path / "compose.yaml").write_text(FILE)
    app, _ = as_declared(tmp_path)
    assert any("has no container" in line for line in lines(drift(seen(app))))
    hidden = Unseen("d" * 64, "shop-store-1", "Could not inspect it.", project="shop", service="store")
    report = drift(replace(seen(app), unseen=(hidden,)))
    assert not any("has no container" in line for line in lines(report))
    assert report.verdict is Verdict.UNKNOWN
    assert any(each.reason == "Could not inspect it." for each in report.unjudged)
    with pytest.raises(NetdoctorError, match="Could not inspect it"):
        drift(replace(seen(), unseen=(hidden,)))
