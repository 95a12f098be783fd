#!/usr/bin/env bash
# Build what is shipped into dist/: wheel, source archive, and the list of what it stands on (SBOM, CycloneDX).
set -eu -o pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
bin=${1:-.venv/bin}
out=${2:-dist}
mkdir -p "$out"
# The locked setuptools builds it: nothing is fetched.
"$bin/python" -m build --no-isolation --outdir "$out" . >/dev/null
"$bin/cyclonedx-py" requirements --pyproject pyproject.toml --output-reproducible --of JSON \
    --output-file "$out/netdoctor.cdx.json" requirements.txt
(cd "$out" && sha256sum -- *.whl *.tar.gz *.cdx.json >SHA256SUMS)
ls "$out"
