#!/bin/sh
# Deploy with a gate on both sides: judge the file, bring it up, wait until the connection works, keep the reports.
#
#   deploy.sh FILE SOURCE TARGET[:PORT]
#
# Ends with netdoctor's status: 0 it works, 1 a finding, 2 wrong usage, 3 unknown. By variables:
#
#   COMPOSE               how Compose is called         (docker compose)
#   REPORTS               where reports are kept        (./reports)
#   WAIT                  seconds to wait until green   (60)
#   FAIL_ON               error, warning or info        (error)
#   NETDOCTOR_EXIT_ZERO=1 report only, never stop a deploy: a way to begin
set -eu

if [ $# -ne 3 ]; then
    echo "usage: $0 FILE SOURCE TARGET[:PORT]" >&2
    exit 2
fi
file=$1 caller=$2 target=$3
reports=${REPORTS:-reports}
mkdir -p "$reports"

echo "== before: does $file contradict itself?"
netdoctor lint --file "$file" --fail-on "${FAIL_ON:-error}" \
    --report "junit=$reports/lint.xml" --report "sarif=$reports/lint.sarif"

echo "== deploy"
# shellcheck disable=SC2086 # a command and its words
${COMPOSE:-docker compose} --file "$file" up --detach

echo "== after: can $caller reach $target?"
netdoctor check "$caller" "$target" --wait "${WAIT:-60}" --fail-on "${FAIL_ON:-error}" \
    --report "junit=$reports/check.xml" --report "prometheus=$reports/netdoctor.prom" \
    --report "markdown=$reports/check.md"
