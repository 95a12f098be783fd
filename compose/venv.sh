#!/usr/bin/env bash
# Make the development environment: .venv with the locked, hashed requirements and netdoctor itself.
#
# Does nothing when .venv is current. PYTHON chooses the interpreter (default python3, 3.11 or later).
set -eu -o pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$here/lib.sh"

cd "$here/.."
python=${PYTHON:-python3}
venv=.venv
stamp=$venv/.made-from

have "$python" || fail "there is no $python here (netdoctor needs Python 3.11 or later)"
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    fail "$python is $("$python" -V 2>&1); netdoctor needs Python 3.11 or later (set PYTHON)"

current=$({ "$python" -V; pwd; cat requirements-dev.txt pyproject.toml; } | sha256sum)
[ "$(cat "$stamp" 2>/dev/null)" != "$current" ] || exit 0

# Debian's python3 comes without the part of the standard library that makes environments with pip.
if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    install_packages 'a virtual environment' "$("$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')"
fi
say "making $venv (pinned and hashed requirements)"
rm -f "$stamp"
"$python" -m venv --clear "$venv"
pip() { "$venv/bin/python" -m pip --quiet --disable-pip-version-check --no-input install "$@" >&2; }
pip --require-hashes --requirement requirements-dev.txt
# What builds is among them: nothing unpinned is fetched to make the editable install.
pip --no-deps --no-build-isolation --editable .
printf '%s' "$current" >"$stamp"
