#!/usr/bin/env bash
# A Chromium for the tests of the map's page. Where none can be had it says so, and they are skipped.
set -eu -o pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$here/lib.sh"

for name in chromium chromium-browser google-chrome; do
    ! have "$name" || exit 0
done
# A subshell: what ends the installation must not end the tests.
(install_packages "the tests of the map's page" chromium fonts-dejavu-core) ||
    say 'no Chromium: the tests of the map in a browser are skipped'
