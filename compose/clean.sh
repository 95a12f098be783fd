#!/usr/bin/env bash
# Remove what the Makefile made: lab images, an engine that compose/engine.sh started, .venv, caches.
set -eu -o pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cd "$here/.."
if compose/engine.sh find >/dev/null 2>&1; then
    DOCKER_HOST=$(compose/engine.sh find)
    export DOCKER_HOST
    docker image ls --quiet --filter label=netdoctor.lab=1 | sort -u | xargs -r docker image rm --force >/dev/null
fi
[ ! -d "${NETDOCTOR_LAB_STATE:-/run/netdoctor-lab}" ] || compose/engine.sh stop
rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis build dist site ./*.egg-info
find . -name __pycache__ -type d -not -path './.git/*' -prune -exec rm -rf {} +
