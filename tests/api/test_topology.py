"""A topology has three sources, and is one of the model's whatever the source."""

from __future__ import annotations

import copy
import pickle
from dataclasses import replace
from pathlib import Path

import pytest

import netdoctor
from netdoctor import model
from netdoctor.topology.bundle import write_bundle


def test_files_are_projects_and_a_list_of_files_is_one(compose: Path) -> None:
    alone, more = compose.with_name("alone.yaml"), compose.with_name("more.yaml")
    alone.write_text("services:\n  worker: {image: w}\n")
    more.write_text("services:\n  worker: {image: w, networks: [front]}\n")
    two = netdoctor.Topology.from_compose(compose, str(alone))
    one = netdoctor.Topology.from_compose([compose, more])
    assert isinstance(one, model.Topology)
    assert (len(two.containers), len(one.containers), one.source) == (7, 7, "compose")
    worker, web = (next(c for c in one.containers if c.service == name) for name in ("worker", "web"))
    assert one.shared_networks(worker, web) and worker.project == web.project
    worker, web = (next(c for c in two.containers if c.service == name) for name in ("worker", "web"))
    assert not two.shared_networks(worker, web)


def test_a_bundle_brings_its_answers(compose: Path, tmp_path: Path) -> None:
    declared = netdoctor.Topology.from_compose(compose)
    assert declared.answers is None and declared.engine == (None, None)
    write_bundle(tmp_path / "b.json", declared, model.Answers())
    again = netdoctor.Topology.from_bundle(tmp_path / "b.json")
    assert again.answers is not None and again.source == "bundle"
    assert {each.name for each in again.containers} == {each.name for each in declared.containers}


def test_it_is_a_value(compose: Path) -> None:
    made = netdoctor.Topology.from_compose(compose)
    assert made == netdoctor.Topology.from_compose(compose)
    assert replace(made, engine_id="x").containers == made.containers
    assert copy.deepcopy(made) == made == pickle.loads(pickle.dumps(made))


def test_what_cannot_be_read_is_a_sentence(tmp_path: Path) -> None:
    for action in (
        lambda: netdoctor.Topology.from_compose(tmp_path / "away.yaml"),
        lambda: netdoctor.Topology.from_bundle(tmp_path / "away.json"),
        lambda: netdoctor.Topology.from_engine(f"unix://{tmp_path}/no.sock"),
    ):
        with pytest.raises(netdoctor.NetdoctorError) as refused:
            action()
        assert refused.value.message and refused.value.hint
