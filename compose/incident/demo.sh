#!/usr/bin/env bash
# The incident from start to end, on a real engine: found, fixed, made permanent, and the blocked
# migration done. `make demo` runs it with an engine around it (compose/with_lab.sh).
#
# Works on copies of the two compose projects in a temporary folder and removes everything it made,
# also after a failure or Ctrl-C. Official images where a registry is in reach, else the lab's
# (DEMO_IMAGES=official|lab decides). Where no engine can be had (NETDOCTOR_LAB=none) it shows what
# needs none. The status is 0 only when every step did what it should.
set -eu -o pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$here/../lib.sh"

PATH=$root/.venv/bin:$PATH
[ ! -t 1 ] || export NETDOCTOR_COLOR="${NETDOCTOR_COLOR:-always}"
official_app=busybox:1.36
official_qdrant=qdrant/qdrant:v1.16.1
first_collection=IFxPCgSA8NapEq5W8jh6yHrtJGJ2
second_collection=ScmVq6p8ubQ9JFbniF2Vg5ocmbv2

work=$(mktemp -d "${TMPDIR:-/tmp}/netdoctor-demo.XXXXXX")
new_images=()
made_network=
app=
status=0
# The copies say what they are made of in their .env files; a variable from outside would win.
# The journal of what `fix` did would outlive the demo in its usual place.
export NETDOCTOR_STATE_DIR=$work/state
unset APP_IMAGE APP_NAME APP_NETWORK QDRANT_IMAGE QDRANT_NAME QDRANT_NETWORK COMPOSE_FILE COMPOSE_PROJECT_NAME

# -- showing ----------------------------------------------------------------------------------------

heading() { printf '\n\033[1m== %s\033[0m\n' "$*" | if [ -t 1 ]; then cat; else sed 's/\x1b\[[0-9]*m//g'; fi; }

show() { printf '\n$ %s\n' "$*"; }

# run COMMAND...: shows it, runs it, keeps its output in $work/out and its status in $status.
run() {
    show "$*"
    status=0
    timeout --foreground 120 "$@" 2>&1 | tee "$work/out" || status=${PIPESTATUS[0]}
}

# quietly COMMAND...: shows it; its output only when it fails, which ends the demo.
quietly() {
    show "$*"
    "$@" >"$work/quiet" 2>&1 || {
        cat "$work/quiet"
        not_as_it_should "'$*' failed"
    }
}

not_as_it_should() {
    printf '\ndemo: %s\n' "$*" >&2
    exit 1
}

expect_status() { [ "$status" = "$1" ] || not_as_it_should "the last command ended with $status, not $1"; }

expect_text() { grep -Eq -- "$1" "$work/out" || not_as_it_should "the last output has no '$1'"; }

# -- leaving nothing behind -------------------------------------------------------------------------

leftovers() {
    local project
    for project in app qdrant; do
        [ ! -f "$work/$project/compose.yaml" ] ||
            (cd "$work/$project" && "$here/../compose.sh" down --volumes --timeout 5) || true
    done
    # Whatever compose would not know any more, by the names this run chose.
    docker rm --force "$app" "$qdrant" || true
    [ -z "$made_network" ] || docker network rm "$network" || true
    docker network rm "$own_network" || true
    [ ${#new_images[@]} = 0 ] || docker image rm "${new_images[@]}" || true
}

finish() {
    local code=$?
    trap '' INT TERM HUP
    if [ -n "$app" ]; then
        printf '\nremoving everything that the demo made ...\n'
        leftovers >/dev/null 2>&1
    fi
    rm -rf "$work"
    [ "$code" != 0 ] || printf 'done in %s s\n' "$SECONDS"
    exit "$code"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
trap 'exit 129' HUP

# -- without an engine ------------------------------------------------------------------------------

without_engine() {
    heading 'No Docker Engine can be had here: what netdoctor does without one'
    printf 'The incident was recorded as a bundle; the same rules judge it.\n'
    (cd "$root" && run netdoctor check app qdrant --bundle compose/incident/incident.bundle.json &&
        expect_status 1 && expect_text 'ND10[12]')
    heading 'The same export into an embedded Qdrant'
    make_export
    cd "$work"
    show netdoctor migrate pinecone_export.json --to ./folder --strip-prefix user_
    netdoctor migrate pinecone_export.json --to ./folder --strip-prefix user_ ||
        not_as_it_should 'the migration failed'
    cd "$root"
}

make_export() {
    quietly python "$here/make_export.py" -o "$work/pinecone_export.json"
    printf '  %s bytes, 103 vectors of 1024 dimensions, 2 namespaces\n' "$(wc -c <"$work/pinecone_export.json")"
}

# -- with an engine ---------------------------------------------------------------------------------

exists() { docker container inspect "$1" >/dev/null 2>&1 || docker network inspect "$1" >/dev/null 2>&1; }

# The incident's names, unless somebody on this engine has them already.
choose_names() {
    local name
    suffix=${DEMO_SUFFIX:-}
    if [ -z "$suffix" ]; then
        for name in app qdrant coolify qkkkc8kskocgwo0o8c444cgo; do
            ! exists "$name" || suffix=-demo$$
        done
        [ -z "$suffix" ] || say "some of the incident's names are taken on this engine; adding $suffix to all"
    fi
    network=coolify$suffix
    own_network=qkkkc8kskocgwo0o8c444cgo$suffix
    qdrant=qdrant$suffix
    app=app$suffix
}

present() { docker image inspect "$1" >/dev/null 2>&1; }

# pull SECONDS IMAGE: true when the image is on the engine; remembers one that it had to fetch.
pull() {
    present "$2" && return
    timeout "$1" docker pull --quiet "$2" >/dev/null 2>&1 || return 1
    new_images+=("$2")
}

choose_images() {
    local wanted=${DEMO_IMAGES:-auto} name
    if [ "$wanted" != lab ]; then
        # The small one first: where no registry is in reach, this is the only wait.
        if pull 15 "$official_app" && say "fetching $official_qdrant" && pull 300 "$official_qdrant"; then
            app_image=$official_app
            qdrant_image=$official_qdrant
            return
        fi
        [ "$wanted" = auto ] || not_as_it_should 'the official images cannot be pulled here'
    fi
    for name in busybox probe qdrant; do
        present "netdoctor-lab/$name:1" || new_images+=("netdoctor-lab/$name:1")
    done
    app_image=netdoctor-lab/busybox:1
    qdrant_image=netdoctor-lab/qdrant:1
    say "no image registry in reach: using the lab's images ($qdrant_image is a stand-in, not Qdrant)"
    "$here/../images/build.sh" busybox probe qdrant
}

copy_projects() {
    local project
    for project in app qdrant; do
        mkdir "$work/$project"
        cp "$here/$project/compose.yaml" "$work/$project/"
        cat >"$work/$project/.env" <<VARIABLES
COMPOSE_PROJECT_NAME=netdoctor-demo-$project$suffix-$$
APP_IMAGE=$app_image
APP_NAME=$app
APP_NETWORK=$network
QDRANT_IMAGE=$qdrant_image
QDRANT_NAME=$qdrant
QDRANT_NETWORK=$own_network
VARIABLES
    done
}

# compose PROJECT VERB...: as a person would, from the project's own folder.
compose() {
    local project=$1
    shift
    show "cd $project && ${compose_command[*]} $*"
    (cd "$work/$project" && "${compose_command[@]}" "$@") >"$work/quiet" 2>&1 || {
        cat "$work/quiet"
        not_as_it_should "'${compose_command[*]} $*' failed in $project"
    }
}

# From the host every bridge can be reached, which is what made the incident so hard to see.
address_of() { docker inspect --format '{{ range .NetworkSettings.Networks }}{{ .IPAddress }} {{ end }}' "$1" | cut -d' ' -f1; }

from_host() {
    if have curl; then
        run curl --silent --show-error --max-time 5 "$1"
    else
        printf '\nGET %s, from the host:\n' "$1"
        status=0
        python -c 'import sys, urllib.request as u; print(u.urlopen(sys.argv[1], timeout=5).read().decode(), end="")' \
            "$1" || status=$?
    fi
    printf '\n'
}

wait_for() {
    local deadline=$((SECONDS + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        [ "$SECONDS" -lt "$deadline" ] || not_as_it_should "'$*' did not succeed in time"
        sleep 0.2
    done
}

host_reaches() { python -c 'import sys, urllib.request as u; u.urlopen(sys.argv[1], timeout=2)' "$1"; }

app_gets() { timeout 10 docker exec "$app" timeout 3 wget -q -O - "http://$qdrant:6333$1"; }

with_engine() {
    local url
    read -r -a compose_command <<<"$("$here/../compose.sh" --which)"
    choose_names
    choose_images
    copy_projects

    heading '1. Two stacks, deployed as the platform does it'
    quietly docker network create "$network"
    made_network=1
    compose app up -d
    compose qdrant up -d
    url=http://$(address_of "$qdrant"):6333
    wait_for 30 docker exec "$app" true
    if wait_for_host "$url/healthz"; then
        heading '2. From the host everything works ...'
        from_host "$url/healthz"
        expect_status 0
    else
        heading "2. (this host has no way to the engine's bridges, so nothing is asked from here)"
    fi
    printf '\n... but the app says "fetch failed":\n'
    run docker exec "$app" timeout 3 wget -q -O - "http://$qdrant:6333/healthz"
    [ "$status" != 0 ] || not_as_it_should 'the app reached Qdrant, so there is no incident'
    printf '(ended with status %s)\n' "$status"

    heading '3. Why?'
    run netdoctor check "$app" "$qdrant"
    expect_status 1
    expect_text 'ND10[12]'

    heading '4. Fix it, now and for good'
    cp "$work/qdrant/compose.yaml" "$work/before.yaml"
    run netdoctor fix "$app" "$qdrant" --persist --yes
    expect_status 0
    show "diff -u before.yaml qdrant/compose.yaml"
    (cd "$work" && diff -u before.yaml qdrant/compose.yaml >"$work/out") && not_as_it_should 'the file did not change'
    sed -n '3,$p' "$work/out"
    ! sed -n '3,$p' "$work/out" | grep -q '^-' || not_as_it_should 'the fix changed lines; it should only add some'

    heading '5. The next deploy'
    compose qdrant down
    compose qdrant up -d
    wait_for 30 app_gets /healthz
    run netdoctor check "$app" "$qdrant"
    expect_status 0

    heading "6. The job that was blocked, through the app's own network"
    make_export
    migrate
    verify_counts
    heading 'The incident is over: 103 of 103 vectors, and the fix survives a deploy'
}

wait_for_host() {
    local deadline=$((SECONDS + 10))
    until host_reaches "$1" 2>/dev/null; do
        [ "$SECONDS" -lt "$deadline" ] || return 1
        sleep 0.2
    done
}

# Its output goes straight to the terminal, so that the progress bar can be seen.
migrate() {
    local arguments=(pinecone_export.json --via "$app" --to "$qdrant" --strip-prefix user_)
    show netdoctor migrate "${arguments[@]}"
    (cd "$work" && timeout --foreground 120 netdoctor migrate "${arguments[@]}") ||
        not_as_it_should "the migration ended with $?"
}

# Not netdoctor's word for it: the app asks the server.
verify_counts() {
    printf '\nWhat the app sees, asked without netdoctor:\n'
    expect_count "$first_collection" 102
    expect_count "$second_collection" 1
}

expect_count() {
    local found
    found=$(app_gets "/collections/$1" | sed -n 's/.*"points_count": *\([0-9]*\).*/\1/p')
    printf '  %s: %s points\n' "$1" "${found:-no}"
    [ "$found" = "$2" ] || not_as_it_should "collection $1 should hold $2 points"
}

if [ "${NETDOCTOR_LAB:-engine}" = none ]; then
    without_engine
else
    with_engine
fi
