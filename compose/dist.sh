#!/usr/bin/env bash
# Build what is shipped into dist/: wheel, source archive, and the list of what it stands on (SBOM, CycloneDX).
set -eu -o pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
bin=${1:-.venv/bin}
out=${2:-dist}
mkdir -p "$out"
# The locked setuptools builds it: nothing is fetched.
"$bin/python" -m build --no-isolation --outdir "$out" . >/dev/null
# It warns that the root has no version and no dependencies, which are filled in below.
"$bin/python" -W ignore::UserWarning -m cyclonedx_py requirements --pyproject pyproject.toml --output-reproducible \
    --of JSON --output-file "$out/netdoctor.cdx.json" requirements.txt
"$bin/python" - "$out/netdoctor.cdx.json" <<'END'
import json, pathlib, re, sys, tomllib

file = pathlib.Path(sys.argv[1])
parts = json.loads(file.read_text("utf-8"))
root = parts["metadata"]["component"]
root["version"] = re.search(r'__version__ = "(.+)"', pathlib.Path("netdoctor/version.py").read_text("utf-8"))[1]
plain = lambda name: re.sub(r"[-_.]+", "-", name).lower()
wanted = tomllib.loads(pathlib.Path("pyproject.toml").read_text("utf-8"))["project"]["dependencies"]
names = {plain(re.match(r"[\w.-]+", each)[0]) for each in wanted}
(own,) = (each for each in parts["dependencies"] if each["ref"] == root["bom-ref"])
own["dependsOn"] = sorted(each["bom-ref"] for each in parts["components"] if plain(each["name"]) in names)
file.write_text(json.dumps(parts, indent=2) + "\n", "utf-8")
END
(cd "$out" && sha256sum -- *.whl *.tar.gz *.cdx.json >SHA256SUMS)
ls "$out"
