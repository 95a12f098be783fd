"""Runs as an unprivileged member of the docker group: reads a task as JSON on stdin, prints what it saw as JSON.

``{"site": {...}, "places": [[kind, image], ...]}`` to ``{"uid": ..., "capabilities": ..., "results": {name: "" or the
failure}, "chosen": {image: name or message}, "notices": [...]}``.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from pathlib import Path
from typing import Any

from netdoctor.engine.client import open_engine
from netdoctor.engine.hosts import resolve_host
from netdoctor.errors import NetdoctorError
from netdoctor.topology.engine import read_topology
from netdoctor.vantage.choose import Vantages

from . import site
from .contract import CHECKS


def run(task: dict[str, Any]) -> dict[str, Any]:
    place = site.Site(**{**task["site"], "sources": {k: tuple(v) for k, v in task["site"]["sources"].items()}})
    results: dict[str, str] = {}
    with open_engine(resolve_host()) as engine:
        topology = read_topology(engine)
        for kind, image in task["places"]:
            with Vantages(engine, topology, preference=kind) as vantages:
                stand = place.stand(vantages.at(site.container(topology, place.sources[image][0]).ref), image)
                for name, check in CHECKS.items():
                    try:
                        check(stand)
                        results[f"{kind}-{image}-{name}"] = ""
                    except Exception:  # noqa: BLE001 -- whatever it is, it is the result
                        results[f"{kind}-{image}-{name}"] = traceback.format_exc(limit=4)
        chosen: dict[str, str] = {}
        notices: list[str] = []
        for preference in ("auto", "netns"):
            for image, (id_, _) in place.sources.items():
                with Vantages(engine, topology, preference=preference, notice=notices.append) as vantages:
                    try:
                        chosen[f"{preference}-{image}"] = vantages.at(site.container(topology, id_).ref).name
                    except NetdoctorError as error:
                        chosen[f"{preference}-{image}"] = f"{error.message} {error.hint}"
    status = Path("/proc/self/status").read_text("ascii")
    return {
        "uid": os.geteuid(),
        "capabilities": int(status.partition("CapEff:")[2].split()[0], 16),
        "results": results,
        "chosen": chosen,
        "notices": notices,
    }


if __name__ == "__main__":
    print(json.dumps(run(json.load(sys.stdin))))
