#!/usr/bin/env bash
# Build the lab's images from Debian packages, without any image registry.
#
#   compose/images/build.sh [busybox] [scratch] [python] [probe] [qdrant]      (none: all of them)
#
# Images are named netdoctor-lab/NAME:1 and labelled netdoctor.lab=1. Each carries a hash of what it
# is made from; one that is already on the engine with the same hash is left alone. Everything goes
# through `docker import`: no build, no pull, no network besides the Debian mirror and, for the
# pinned wheels of `qdrant`, the Python package index. The engine is the docker client's own
# (DOCKER_HOST, context). NETDOCTOR_NO_INSTALL=1 forbids installing packages on this machine.
set -eu -o pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$here/../lib.sh"

all='busybox scratch python probe qdrant'
python_packages='python3-minimal libpython3-stdlib bash coreutils dash libc-bin base-files base-passwd netbase libstdc++6'

work=
cleanup() { [ -z "$work" ] || rm -rf "$work"; }
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

image() { printf 'netdoctor-lab/%s:1' "$1"; }

sum() { sha256sum | cut -c1-24; }

os_release() { cat /etc/os-release 2>/dev/null || uname -a; }

# What each image is made from. No hash asks the network or the engine.
hash_of() {
    case $1 in
    busybox) { cat "$here/build.sh"; busybox_version; } | sum ;;
    scratch) cat "$here/build.sh" "$here/scratch/http.c" | sum ;;
    python) { cat "$here/build.sh"; os_release; } | sum ;;
    probe) { hash_of python; echo probe; } | sum ;;
    qdrant) { hash_of python; cat "$here/qdrant/server.py" "$here/qdrant/requirements.txt" "$here"/qdrant/standin/*.py; } | sum ;;
    *) fail "no image is called '$1' (known: $all)" ;;
    esac
}

label() { docker image inspect --format '{{ index .Config.Labels "'"$2"'" }}' "$(image "$1")" 2>/dev/null || true; }

# import NAME ROOT CHANGE...: one layer, the same bytes for the same files, so that images made
# from one root share it on the engine.
import() {
    local name=$1 root=$2 before change arguments=()
    shift 2
    for change in "$@" "LABEL netdoctor.lab=1 netdoctor.lab.hash=$(hash_of "$name")"; do
        arguments+=(--change "$change")
    done
    before=$(docker image inspect --format '{{ .Id }}' "$(image "$name")" 2>/dev/null || true)
    tar --create --directory "$root" --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner . |
        docker import "${arguments[@]}" - "$(image "$name")" >/dev/null
    # The image it replaces would stay behind without a name; one in use refuses, rightly.
    [ -z "$before" ] || docker image rm "$before" >/dev/null 2>&1 || true
}

# fetch FOLDER PACKAGE...: the packages and all they depend on, downloaded and not installed.
fetch() {
    local folder=$1
    shift
    have apt-get || fail "the lab images are made from Debian packages, and there is no apt-get here"
    fill_package_lists
    mkdir -p "$folder/partial"
    : >"$folder/status"
    # An empty status file means "nothing is installed": the whole closure is fetched.
    if ! apt-get -y -qq --no-install-recommends --download-only \
        -o Dir::State::status="$folder/status" -o Dir::Cache::archives="$folder" \
        -o APT::Sandbox::User= -o Debug::NoLocking=1 install "$@" >/dev/null; then
        fail "could not fetch Debian packages: $* ('apt-get update' may help)"
    fi
}

# unpack FOLDER ROOT: without manuals, translations and the package manager's own files.
unpack() {
    local package
    for package in "$1"/*.deb; do
        dpkg-deb --fsys-tarfile "$package" | tar --extract --directory "$2" --keep-directory-symlink \
            --exclude='./usr/share/doc/?*' --exclude='./usr/share/man/?*' --exclude='./usr/share/locale/?*' \
            --exclude='./usr/share/info/?*' --exclude='./usr/share/lintian/?*' --exclude='./var/lib/dpkg/?*'
    done
}

system_folders() {
    mkdir -p "$1"/{dev,etc,proc,root,run,sys,tmp,var/tmp}
    chmod 1777 "$1/tmp" "$1/var/tmp"
    chmod 700 "$1/root"
}

# -- busybox ----------------------------------------------------------------------------------------

is_static() { ! ldd "$1" >/dev/null 2>&1; }

busybox_version() {
    if have busybox && is_static "$(command -v busybox)"; then
        sha256sum <"$(command -v busybox)"
    else
        os_release
    fi
}

static_busybox() {
    if have busybox && is_static "$(command -v busybox)"; then
        command -v busybox
        return
    fi
    fetch "$work/debs-busybox" busybox-static
    mkdir -p "$work/busybox-static"
    unpack "$work/debs-busybox" "$work/busybox-static"
    find "$work/busybox-static" -type f -path '*bin/busybox'
}

build_busybox() {
    local root=$work/busybox applet
    system_folders "$root"
    mkdir -p "$root/bin"
    cp "$(static_busybox)" "$root/bin/busybox"
    for applet in $("$root/bin/busybox" --list); do
        # A link named busybox would replace the binary by a link to itself.
        [ "$applet" = busybox ] || ln -s busybox "$root/bin/$applet"
    done
    printf 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n' >"$root/etc/passwd"
    printf 'root:x:0:\nnogroup:x:65534:\n' >"$root/etc/group"
    # The first process of a container ignores SIGTERM unless it asks for it.
    import busybox "$root" 'ENV PATH=/bin' \
        'CMD ["/bin/sh", "-c", "trap \"exit 0\" TERM INT; while :; do sleep 3600 & wait $!; done"]'
}

# -- scratch ----------------------------------------------------------------------------------------

build_scratch() {
    local root=$work/scratch compiler
    mkdir -p "$root"
    if ! { have cc || have gcc; } || [ ! -e /usr/include/stdio.h ]; then
        install_packages 'the scratch image' gcc libc6-dev
    fi
    compiler=$(command -v cc || command -v gcc)
    "$compiler" -O2 -static -s -Wall -Wextra -o "$root/http" "$here/scratch/http.c"
    import scratch "$root" 'ENTRYPOINT ["/http"]' 'EXPOSE 8080'
}

# -- python, and what stands on it ------------------------------------------------------------------

# The Debian + python3 tree, made once a run; taken from the engine when its image is current.
python_root() {
    local root=$work/python container
    [ ! -d "$root" ] || return 0
    mkdir -p "$root"
    if [ "$(label python netdoctor.lab.hash)" = "$(hash_of python)" ]; then
        container=$(docker create "$(image python)")
        docker export "$container" | tar --extract --directory "$root" --exclude='dev/*' --exclude='.dockerenv'
        docker rm "$container" >/dev/null
        return
    fi
    # shellcheck disable=SC2086 # a list of names
    fetch "$work/debs-python" $python_packages
    mkdir -p "$root"/usr/{bin,sbin,lib,lib64}
    ln -s usr/bin usr/sbin usr/lib usr/lib64 "$root/"
    system_folders "$root"
    unpack "$work/debs-python" "$root"
    cp "$root/usr/share/base-passwd/passwd.master" "$root/etc/passwd"
    cp "$root/usr/share/base-passwd/group.master" "$root/etc/group"
    printf "passwd: files\ngroup: files\nhosts: files dns\nservices: files\n" >"$root/etc/nsswitch.conf"
    [ -e "$root/usr/bin/sh" ] || ln -s dash "$root/usr/bin/sh"
    [ -e "$root/usr/bin/python3" ] || ln -s "$(basename "$root"/usr/bin/python3.?*)" "$root/usr/bin/python3"
}

# The first process of a container ignores a signal that it neither handles nor blocks.
idle='from signal import *; s = {SIGTERM, SIGINT}; pthread_sigmask(SIG_BLOCK, s); sigwait(s)'
path='ENV PATH=/usr/sbin:/usr/bin:/sbin:/bin'

build_python() {
    python_root
    import python "$work/python" "$path" "CMD [\"python3\", \"-c\", \"$idle\"]"
}

build_probe() {
    python_root
    import probe "$work/python" "$path" 'ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1' \
        'LABEL netdoctor.probe=1' "CMD [\"python3\", \"-c\", \"$idle\"]"
}

# -- qdrant: the stand-in ---------------------------------------------------------------------------

# The pip of the project's environment, else of any python3 that has one.
find_pip() {
    local python
    for python in "$here/../../.venv/bin/python" "${VIRTUAL_ENV:-/nonexistent}/bin/python" python3; do
        if "$python" -m pip --version >/dev/null 2>&1; then
            printf '%s' "$python"
            return
        fi
    done
    fail "the stand-in for Qdrant needs pip: run 'make venv' first"
}

build_qdrant() {
    local root=$work/qdrant python version
    python_root
    python=$(find_pip)
    cp -a "$work/python" "$root"
    version=$(basename "$root"/usr/lib/python3.?*)
    mkdir -p "$root/opt/standin" "$root/qdrant/storage"
    "$python" -m pip install --quiet --disable-pip-version-check --no-input --root-user-action=ignore \
        --require-hashes --no-deps --only-binary=:all: --python-version "${version#python}" --no-compile \
        --target "$root/opt/standin" --requirement "$here/qdrant/requirements.txt" >&2
    # Of the client only the generated gRPC classes are used; the rest would need numpy and pydantic.
    find "$root/opt/standin/qdrant_client" -mindepth 1 -maxdepth 1 ! -name grpc -exec rm -rf {} +
    : >"$root/opt/standin/qdrant_client/__init__.py"
    find "$root/opt/standin" \( -name '*.pyi' -o -name bin -o -name tests \) -prune -exec rm -rf {} +
    cp "$here/qdrant/server.py" "$root/opt/standin/"
    mkdir "$root/opt/standin/standin"
    cp "$here"/qdrant/standin/*.py "$root/opt/standin/standin/"
    import qdrant "$root" "$path" 'ENV PYTHONDONTWRITEBYTECODE=1 QDRANT__STORAGE__STORAGE_PATH=/qdrant/storage' \
        'LABEL netdoctor.stand-in="lab stand-in for Qdrant over qdrant-edge; this is not Qdrant"' \
        'EXPOSE 6333 6334' 'WORKDIR /qdrant' 'CMD ["python3", "/opt/standin/server.py"]'
}

main() {
    local names=("$@") name started
    [ $# -gt 0 ] || read -r -a names <<<"$all"
    have docker || fail "there is no docker client (compose/engine.sh ensure installs one)"
    for name in "${names[@]}"; do
        hash_of "$name" >/dev/null
    done
    # One build at a time: two would download and import the same things twice.
    exec 9<"$here/build.sh"
    flock 9
    work=$(mktemp -d "${TMPDIR:-/tmp}/netdoctor-lab.XXXXXX")
    for name in "${names[@]}"; do
        if [ "$(label "$name" netdoctor.lab.hash)" = "$(hash_of "$name")" ]; then
            say "$(image "$name") is current"
            continue
        fi
        started=$SECONDS
        say "building $(image "$name")"
        "build_$name"
        say "built $(image "$name") in $((SECONDS - started)) s"
    done
}

main "$@"
