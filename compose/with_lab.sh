#!/usr/bin/env bash
# Run a command with a lab around it: a Docker Engine, Compose, and lab images.
#
#   compose/with_lab.sh [--optional] [--images "busybox qdrant ..."] COMMAND [ARGUMENT...]
#
# An engine that had to be started is stopped again at the end, also after Ctrl-C or a failure.
# --optional: where no engine can be had, the command runs all the same, with NETDOCTOR_LAB=none.
# The status is the command's.
set -eu -o pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$here/lib.sh"

optional=
images=
while :; do
    case ${1:-} in
    --optional) optional=1 ;;
    --images) images=$2; shift ;;
    *) break ;;
    esac
    shift
done
[ $# -gt 0 ] || fail 'with_lab.sh needs a command'

started=
child=

# Ends the command first: it has containers of its own to remove, and needs the engine for that.
finish() {
    local status=$?
    trap '' INT TERM HUP
    if [ -n "$child" ] && kill -0 "$child" 2>/dev/null; then
        kill -TERM "$child" 2>/dev/null || true
        wait "$child" || true
    fi
    [ -z "$started" ] || "$here/engine.sh" stop || true
    exit "$status"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
trap 'exit 129' HUP

set_up() {
    local host
    if "$here/engine.sh" find >/dev/null 2>&1; then
        host=$("$here/engine.sh" find)
    else
        # From here on an engine may have been started, even if the next line is interrupted.
        started=1
        host=$("$here/engine.sh" ensure) || return 1
    fi
    # docker-compose 1.29 knows nothing of contexts; the default socket needs no telling.
    case $host in unix:///var/run/docker.sock | unix:///run/docker.sock) ;; *) export DOCKER_HOST=$host ;; esac
    "$here/compose.sh" --which >/dev/null || return 1
    # shellcheck disable=SC2086 # a list of names
    [ -z "$images" ] || "$here/images/build.sh" $images || return 1
}

export NETDOCTOR_LAB=engine
if ! set_up; then
    [ -n "$optional" ] || fail 'the lab could not be set up (see above)'
    NETDOCTOR_LAB=none
fi
# In the background, so that a signal is acted on at once, but with the terminal's interrupt alive.
if env --default-signal=INT true 2>/dev/null; then
    env --default-signal=INT,QUIT "$@" <&0 &
    child=$!
    wait "$child"
else
    "$@"
fi
