#!/usr/bin/env bash
# Record the incident anew as compose/incident/incident.bundle.json (as root, on a private engine).
#
# The bundle is what `make demo` judges where no engine can be had. It has to be recorded again when
# the bundle's format changes.
set -eu -o pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
engine=$here/../engine.sh
work=$(mktemp -d "${TMPDIR:-/tmp}/record.XXXXXX")
trap '"$engine" --private "$work/e" stop; rm -rf "$work"' EXIT

DOCKER_HOST=$("$engine" --private "$work/e" ensure)
export DOCKER_HOST
"$here/../images/build.sh" busybox qdrant
export APP_IMAGE=netdoctor-lab/busybox:1 QDRANT_IMAGE=netdoctor-lab/qdrant:1
docker network create coolify
for project in app qdrant; do
    mkdir "$work/$project"
    cp "$here/$project/compose.yaml" "$work/$project/"
    (cd "$work/$project" && "$here/../compose.sh" up -d)
done
sleep 2
cd "$work"
"$root/.venv/bin/netdoctor" bundle incident.bundle.json app qdrant
# The folder of this recording says nothing about the incident.
sed "s|$work|/data/stacks|g" incident.bundle.json >"$here/incident.bundle.json"
