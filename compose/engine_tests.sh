#!/usr/bin/env bash
# The tests that need an engine, those of the clinic and the vantages on an engine of their own beside the others.
#
#   compose/engine_tests.sh PYTHON
#
# While an engine makes or removes a network, its filter is incomplete for some milliseconds: what must not connect can
# connect then. So nobody else works on an engine while its tests measure; two engines are as quick as two workers.
# Where a second engine cannot be had (not root, no dockerd on this machine) they come after the others.
set -eu -o pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$here/lib.sh"

python=${1:-}
[ -n "$python" ] || fail 'engine_tests.sh needs the interpreter that has pytest'
# About as long as all the others together.
beside_them=(tests/clinic tests/vantage/test_contract.py tests/vantage/test_exec_tools.py)
said=$(mktemp)
beside=

finish() {
    local status=$?
    trap '' INT TERM HUP
    if [ -n "$beside" ] && kill -0 "$beside" 2>/dev/null; then
        kill -TERM "$beside" 2>/dev/null || true
        wait "$beside" || true
    fi
    rm -f "$said"
    exit "$status"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
trap 'exit 129' HUP

second_engine() { [ "$(id -u)" = 0 ] && have dockerd && have nsenter && [ "$(uname -s)" = Linux ]; }

tests() { "$python" -m pytest -m "docker or browser" "$@"; }

export NETDOCTOR_REQUIRE_ENGINE=1 # promised: a test that finds none has failed
if second_engine; then
    # A job in the background ignores Ctrl-C; what the tests start must not.
    env --default-signal=INT,QUIT "$python" "$here/engines/run.py" 20.10 -- \
        "$python" -m pytest -m docker -p no:cacheprovider "${beside_them[@]}" >"$said" 2>&1 &
    beside=$!
fi

status=0
tests "${beside_them[@]/#/--ignore=}" || status=$?

if [ -n "$beside" ]; then
    own=0
    wait "$beside" || own=$?
    beside=
    printf '\n-- the clinic and the vantages, on an engine of their own --\n'
    cat "$said"
    if [ "$own" = 75 ]; then
        say 'the clinic and the vantages go to the engine of the others'
        tests "${beside_them[@]}" || status=$?
    elif [ "$own" != 0 ]; then
        status=$own
    fi
else
    tests "${beside_them[@]}" || status=$?
fi
[ "$status" = 0 ] || fail 'tests failed (see above)'
