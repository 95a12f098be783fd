#!/usr/bin/env bash
# Run Docker Compose, whichever there is: `compose/compose.sh up -d`, `compose/compose.sh --which`.
#
# First NETDOCTOR_COMPOSE (a command), then the docker client's plugin (v2, v5), then docker-compose
# (v1 or a stand-alone v2), else Debian's docker-compose is installed (NETDOCTOR_NO_INSTALL forbids).
set -eu -o pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$here/lib.sh"

find_compose() {
    if [ -n "${NETDOCTOR_COMPOSE:-}" ]; then
        read -r -a compose <<<"$NETDOCTOR_COMPOSE"
    elif have docker && docker compose version >/dev/null 2>&1; then
        compose=(docker compose)
    elif have docker-compose; then
        compose=(docker-compose)
    else
        return 1
    fi
}

if ! find_compose; then
    install_packages 'Docker Compose' docker-compose
    hash -r
    find_compose || fail 'docker-compose was installed, but cannot be found'
fi
if [ "${1:-}" = --which ]; then
    printf '%s\n' "${compose[*]}"
else
    exec "${compose[@]}" "$@"
fi
