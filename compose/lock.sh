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
# What the container image and the GitHub action install.
compile --extra fast --output-file requirements.txt pyproject.toml
# The same with everything that may be added: the list of parts (SBOM) is made from it.
compile --all-extras --constraint requirements.txt --output-file requirements-extras.txt pyproject.toml
# What builds netdoctor itself, so that nothing unpinned is fetched for that: the [build-system] of pyproject.toml.
"$work/venv/bin/python" - <<'END' | compile --output-file requirements-build.txt -
import tomllib

with open("pyproject.toml", "rb") as file:
    print(*tomllib.load(file)["build-system"]["requires"], sep="\n")
END
compile --output-file requirements-dev.txt pyproject.toml requirements-dev.in
compile --no-deps --output-file compose/images/qdrant/requirements.txt compose/images/qdrant/requirements.in
