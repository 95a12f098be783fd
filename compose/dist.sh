#!/usr/bin/env bash
# Build what is shipped into dist/: wheel, source archive, and the list of what it stands on (SBOM, CycloneDX).
set -eu -o pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
bin=${1:-.venv/bin}
out=${2:-dist}
mkdir -p "$out"
rm -f -- "$out"/docker_netdoctor-*.whl "$out"/docker_netdoctor-*.tar.gz # of another version, which the sums would list too
# The same bytes whenever and wherever it is built: the time is the last commit's, or what it is told.
if [ -z "${SOURCE_DATE_EPOCH:-}" ]; then
    SOURCE_DATE_EPOCH=$(git log -1 --format=%ct 2>/dev/null || echo 1577836800)
fi
export SOURCE_DATE_EPOCH
# The locked hatchling builds it: nothing is fetched. The wheel is made from the archive.
"$bin/python" -m build --no-isolation --outdir "$out" . >/dev/null
"$bin/python" -m twine --no-color check --strict "$out"/*.whl "$out"/*.tar.gz
# It warns that the root has no version and no dependencies, which are filled in below.
"$bin/python" -W ignore::UserWarning -m cyclonedx_py requirements --pyproject pyproject.toml --output-reproducible \
    --of JSON --output-file "$out/netdoctor.cdx.json" requirements-extras.txt
"$bin/python" - "$out/netdoctor.cdx.json" <<'END'
import json, pathlib, re, sys, tomllib

file = pathlib.Path(sys.argv[1])
parts = json.loads(file.read_text("utf-8"))
root = parts["metadata"]["component"]
root["version"] = re.search(r'__version__ = "(.+)"', pathlib.Path("netdoctor/version.py").read_text("utf-8"))[1]
project = tomllib.loads(pathlib.Path("pyproject.toml").read_text("utf-8"))["project"]
named = lambda wanted: {re.sub(r"[-_.]+", "-", re.match(r"[\w.-]+", each)[0]).lower() for each in wanted}
needed = named(project["dependencies"])
added = named(sum(project["optional-dependencies"].values(), [])) - needed
plain = lambda part: re.sub(r"[-_.]+", "-", part["name"]).lower()
for part in parts["components"]:
    part["scope"] = "optional" if plain(part) in added else "required"
(own,) = (each for each in parts["dependencies"] if each["ref"] == root["bom-ref"])
own["dependsOn"] = sorted(each["bom-ref"] for each in parts["components"] if plain(each) in needed | added)
file.write_text(json.dumps(parts, indent=2) + "\n", "utf-8")
END
(cd "$out" && sha256sum -- *.whl *.tar.gz *.cdx.json >SHA256SUMS)
ls "$out"
