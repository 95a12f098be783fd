# Shared by the lab's scripts (bash): messages, and the one place that installs Debian packages.
# shellcheck shell=bash

say() { printf 'lab: %s\n' "$*" >&2; }

fail() {
    say "$*"
    exit 1
}

have() { command -v "$1" >/dev/null 2>&1; }

# True unless the user forbids installing.
may_install() { [ -z "${NETDOCTOR_NO_INSTALL:-}" ] || [ "${NETDOCTOR_NO_INSTALL}" = 0 ]; }

# The package lists of a fresh machine are empty, and nothing can be fetched before they are filled.
fill_package_lists() {
    if ! compgen -G '/var/lib/apt/lists/*_Packages*' >/dev/null; then
        [ "$(id -u)" = 0 ] || fail "Debian's package lists are empty: run 'sudo apt-get update' once"
        say "fetching Debian's package lists (apt-get update)"
        apt-get -qq update >&2
    fi
}

# install_packages REASON PACKAGE...: prints what it installs; ends the script when it may not.
install_packages() {
    local reason=$1 list
    shift
    may_install || fail "$reason needs the Debian packages: $* (NETDOCTOR_NO_INSTALL forbids installing them)"
    have apt-get || fail "$reason needs: $* (there is no apt-get here, so install them your system's way)"
    [ "$(id -u)" = 0 ] || fail "$reason needs: sudo apt-get install --no-install-recommends $*"
    fill_package_lists
    list=$(apt-get --simulate --no-install-recommends install "$@" 2>/dev/null | sed -n 's/^Inst \([^ ]*\).*/\1/p' | xargs) || list=
    say "installing for $reason: ${list:-$*}"
    if ! _apt_install "$@"; then
        # The lists may be older than the mirror.
        apt-get -qq update >&2
        _apt_install "$@" || fail "apt-get could not install: $*"
    fi
}

# Silent, unless it fails.
_apt_install() {
    local output
    output=$(DEBIAN_FRONTEND=noninteractive apt-get -y -qq --no-install-recommends \
        -o Dpkg::Use-Pty=0 install "$@" </dev/null 2>&1) || {
        printf '%s\n' "$output" >&2
        return 1
    }
}
