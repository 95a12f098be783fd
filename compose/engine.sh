#!/usr/bin/env bash
# Find a Docker Engine, or start one, or say what is missing.
#
#   compose/engine.sh [--private DIR] find      print the engine's address; exit 1 when none answers
#   compose/engine.sh [--private DIR] ensure    find, else install (Debian's docker.io) and start one
#   compose/engine.sh [--private DIR] status    one sentence
#   compose/engine.sh [--private DIR] stop      stop the engine that this script started; never another
#
# The engine is the docker client's own: DOCKER_HOST, then the current context, then the default
# socket. NETDOCTOR_NO_INSTALL=1 forbids installing packages. What was started is remembered in
# /run/netdoctor-lab (NETDOCTOR_LAB_STATE), with the engine's log.
#
# --private DIR is a second engine beside any other, with everything of its own under DIR: its own
# network and mount namespaces, data, socket (DIR/d.sock) and control group. Its networks have no
# way out of this machine. `stop` leaves nothing of it.
set -eu -o pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$here/lib.sh"

usage() { sed -n '2,/^set /{/^#/s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}" >&2; }

private=
state=${NETDOCTOR_LAB_STATE:-/run/netdoctor-lab}
start_seconds=${NETDOCTOR_LAB_START_SECONDS:-30}

# -- which engine -----------------------------------------------------------------------------------

# The address that a docker client would use.
address() {
    if [ -n "$private" ]; then
        printf 'unix://%s/d.sock' "$private"
    elif [ -n "${DOCKER_HOST:-}" ]; then
        printf '%s' "$DOCKER_HOST"
    else
        docker context inspect --format '{{ .Endpoints.docker.Host }}' 2>/dev/null ||
            printf 'unix:///var/run/docker.sock'
    fi
}

answers() { have docker && DOCKER_HOST=$1 timeout 10 docker version --format '{{ .Server.Version }}' 2>/dev/null; }

is_default() { case $1 in unix:///var/run/docker.sock | unix:///run/docker.sock) true ;; *) false ;; esac }

# Why nothing answers at an address, as far as can be told from outside.
why_silent() {
    local socket=${1#unix://}
    if ! have docker; then
        printf 'there is no docker client here'
    elif [ "$socket" = "$1" ]; then
        printf 'no engine answers at %s' "$1"
    elif [ ! -e "$socket" ]; then
        printf 'there is no socket %s' "$socket"
    elif [ ! -w "$socket" ]; then
        printf 'you may not use %s (group %s)' "$socket" "$(stat -c %G "$socket")"
    else
        printf 'the socket %s is there, but no engine answers' "$socket"
    fi
}

# -- what we started --------------------------------------------------------------------------------

# Field 22 of /proc/PID/stat: with it a process id names one process, not whoever has the number next.
started_at() { sed 's/^.*) //' "/proc/$1/stat" 2>/dev/null | cut -d' ' -f20; }

# The pid of the engine that this script started and that still runs.
ours() {
    local pid when
    [ -f "$state/engine" ] || return 1
    read -r pid when <"$state/engine"
    [ -n "$when" ] && [ "$(started_at "$pid")" = "$when" ] || return 1
    printf '%s' "$pid"
}

# What the default engine changes in the machine's own network and does not put back.
remember_network() {
    cat /proc/sys/net/ipv4/ip_forward >"$state/ip_forward" 2>/dev/null || true
    iptables -S FORWARD 2>/dev/null | sed -n 's/^-P FORWARD //p' >"$state/forward_policy" || true
    ! has_bridge || : >"$state/had_docker0"
    ! iptables -S 2>/dev/null | grep -q '^-N DOCKER' || : >"$state/had_rules"
}

restore_network() {
    local policy
    policy=$(cat "$state/forward_policy" 2>/dev/null || true)
    [ -z "$policy" ] || iptables -P FORWARD "$policy" 2>/dev/null || true
    if [ -s "$state/ip_forward" ]; then
        cat "$state/ip_forward" >/proc/sys/net/ipv4/ip_forward 2>/dev/null || true
    fi
    if [ ! -e "$state/had_rules" ]; then
        remove_rules filter
        remove_rules nat
    fi
    if [ ! -e "$state/had_docker0" ] && has_bridge; then
        python3 "$here/netif.py" delete-bridge docker0 || true
    fi
}

has_bridge() { grep -q '^ *docker0:' /proc/net/dev; }

# The engine's own rules first, then its chains, which nothing refers to any more.
remove_rules() {
    local rule chain
    iptables -t "$1" -S 2>/dev/null | grep -E -- '-j DOCKER|docker0' | sed -n 's/^-A /-D /p' |
        while read -r -a rule; do
            iptables -t "$1" "${rule[@]}" || true
        done
    iptables -t "$1" -S 2>/dev/null | sed -n 's/^-N \(DOCKER[A-Z0-9-]*\)$/\1/p' |
        while read -r chain; do
            iptables -t "$1" -F "$chain" || true
            iptables -t "$1" -X "$chain" || true
        done
}

control_group() { printf 'netdoctor-%s' "$(printf '%s' "$private" | cksum | cut -d' ' -f1)"; }

# -- starting ---------------------------------------------------------------------------------------

install_engine() {
    local packages=(docker.io)
    # From Debian 13 on the client is a package of its own.
    if may_install && have apt-cache && { fill_package_lists; apt-cache show docker-cli >/dev/null 2>&1; }; then
        packages+=(docker-cli)
    fi
    install_packages 'a Docker Engine' "${packages[@]}"
    hash -r
    # Where there is an init system, the package has just asked it to start the engine.
    if [ -e /run/docker.pid ] || [ -d /run/systemd/system ]; then
        local deadline=$((SECONDS + 10))
        until answers "$1" >/dev/null || [ "$SECONDS" -ge "$deadline" ]; do sleep 0.2; done
        ! answers "$1" >/dev/null || : >"$state/service"
    fi
}

stop_service() {
    if [ -d /run/systemd/system ]; then
        systemctl stop docker.socket docker.service
    else
        service docker stop >&2
    fi
    say 'stopped the engine that came with the package docker.io'
}

start_default() {
    remember_network
    # A name that no container carries is forwarded: with this it never leaves the container that asked.
    setsid dockerd --dns 127.0.0.1 </dev/null >"$state/log" 2>&1 9>&- &
    pid=$!
}

start_private() {
    # shellcheck disable=SC2016 # expanded by the inner shell
    setsid unshare --net --mount -- /bin/sh -eu -c '
        python3 "$3/netif.py" up lo
        # An engine would rather share a containerd that it finds than start its own.
        [ ! -d /run/containerd ] || mount -t tmpfs tmpfs /run/containerd
        exec dockerd --dns 127.0.0.1 --data-root "$1/data" --exec-root "$1/exec" --pidfile "$1/dockerd.pid" \
            --host "unix://$1/d.sock" --cgroup-parent "$2"
    ' engine "$private" "$(control_group)" "$here" </dev/null >"$state/log" 2>&1 9>&- &
    pid=$!
}

start() {
    local host=$1 pid deadline
    install -d -m 0755 "$state"
    if [ -n "$private" ]; then start_private; else start_default; fi
    printf '%s %s\n' "$pid" "$(started_at "$pid")" >"$state/engine"
    deadline=$((SECONDS + start_seconds))
    until answers "$host" >/dev/null; do
        if is_gone "$pid" || [ "$SECONDS" -ge "$deadline" ]; then
            say "dockerd did not come up; the end of its log:"
            tail -n 8 "$state/log" >&2 || true
            stop_ours >/dev/null 2>&1 || true
            [ -n "$private" ] || restore_network
            fail 'no Docker Engine could be started here'
        fi
        sleep 0.1
    done
    say "started a Docker Engine $(answers "$host") (pid $pid, log $state/log)"
}

# -- the verbs --------------------------------------------------------------------------------------

find_engine() {
    local host
    host=$(address)
    if answers "$host" >/dev/null; then
        printf '%s\n' "$host"
    else
        say "$(why_silent "$host")"
        return 1
    fi
}

ensure() {
    local host reason
    host=$(address)
    if answers "$host" >/dev/null; then
        printf '%s\n' "$host"
        return
    fi
    reason=$(why_silent "$host")
    if [ -z "$private" ] && ! is_default "$host"; then
        fail "$reason; start it, or unset DOCKER_HOST and use the default context"
    fi
    [ "$(id -u)" = 0 ] || fail "$reason; start Docker, join its group, or run this as root so that it may start one"
    mkdir -p "$state"
    exec 9>"$state/lock"
    flock 9
    if ! have dockerd || ! have docker; then
        install_engine "$host"
    fi
    # A machine with an init system has it running by now; so may another run of this script.
    answers "$host" >/dev/null || start "$host"
    exec 9>&-
    printf '%s\n' "$host"
}

status() {
    local host version pid
    host=$(address)
    if version=$(answers "$host"); then
        if pid=$(ours); then
            printf 'engine %s at %s, started by this script (pid %s)\n' "$version" "$host" "$pid"
        else
            printf 'engine %s at %s, not started by this script\n' "$version" "$host"
        fi
    else
        printf 'no engine: %s\n' "$(why_silent "$host")"
        return 1
    fi
}

# Whatever is not proven to be ours is left alone: the process, and the network settings too.
stop_ours() {
    local pid deadline
    if [ -f "$state/service" ]; then
        stop_service
    elif ! pid=$(ours); then
        say 'no engine of ours is running'
    else
        kill -TERM "$pid"
        deadline=$((SECONDS + 60))
        until is_gone "$pid"; do
            [ "$SECONDS" -lt "$deadline" ] || fail "the engine (pid $pid) did not end within 60 s"
            sleep 0.05
        done
        say "stopped the engine (pid $pid)"
        [ -n "$private" ] || restore_network
    fi
    forget
}

# A process that nobody has waited for yet is gone too.
is_gone() { case $(sed 's/^.*) //' "/proc/$1/stat" 2>/dev/null) in '' | Z*) true ;; *) false ;; esac }

forget() {
    local group
    [ -d "$state" ] || return 0
    if [ -z "$private" ]; then
        rm -rf "$state"
        return
    fi
    group=$(control_group)
    find /sys/fs/cgroup -depth -type d \( -path "*/$group/*" -o -name "$group" \) -exec rmdir {} + 2>/dev/null || true
    rm -rf "$state" "$private/data" "$private/exec" "$private/dockerd.pid" "$private/d.sock"
    rmdir "$private" 2>/dev/null || true
}

if [ "${1:-}" = --private ]; then
    [ $# -ge 2 ] || { usage; exit 2; }
    private=$(realpath -m -- "$2")
    # Sockets lie below it, and a socket's path has at most 107 characters.
    [ "${#private}" -le 60 ] || fail "the path of a private engine may have 60 characters: $private"
    state=$private/state
    shift 2
fi
case ${1:-} in
find) find_engine ;;
ensure) ensure ;;
status) status ;;
stop) stop_ours ;;
*) usage; exit 2 ;;
esac
