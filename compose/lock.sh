#!/usr/bin/env bash
# Compile the requirements with hashes and without any index line. Run after changing a *.in file.
set -eu -o pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --disable-pip-version-check 'uv>=0.5'
compile() {
    "$work/venv/bin/uv" pip compile --quiet --universal --python-version 3.11 --generate-hashes \
        --no-emit-index-url --no-annotate --no-header "$@"
}
# What the container image and the GitHub action install, with what builds netdoctor itself.
echo 'setuptools>=77' | compile --extra fast --output-file requirements.txt pyproject.toml -
compile --output-file requirements-dev.txt pyproject.toml requirements-dev.in
compile --no-deps --output-file compose/images/qdrant/requirements.txt compose/images/qdrant/requirements.in
