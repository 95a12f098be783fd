"""A compose file on the disk, and the container whose labels name it."""

from __future__ import annotations

from dataclasses import replace

from netdoctor.fixes.persist import write_patches
from netdoctor.fixes.snapshot import snapshot_of

from .build import QDRANT, desk, incident, join

COMPOSE = b"services:\n  qdrant:\n    image: qdrant/qdrant  # pinned\n"


def labelled(folder, files="docker-compose.yml", **more):
    labels = {
        **QDRANT.labels,
        "com.docker.compose.project.working_dir": str(folder),
        "com.docker.compose.project.config_files": files,
        **more,
    }
    return replace(QDRANT, labels=labels)


def only(permanent):
    (found,) = (*permanent.patches, *permanent.pastes, *permanent.declared)
    return found


def written(permanent, tmp_path):
    place = desk(incident(), tmp_path / "state")
    with place.journal.locked():
        name = place.journal.begin("x", [join()], [snapshot_of(QDRANT)], {"asked": []}, {})
        return write_patches(permanent, place.journal, name), place.journal
