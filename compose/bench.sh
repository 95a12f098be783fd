#!/usr/bin/env bash
# Run every benchmark of tests/bench with the project's own environment.
set -eu -o pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
PATH=$PWD/.venv/bin:$PATH
for benchmark in tests/bench/bench_*.py; do
    printf '\n== %s\n' "$benchmark"
    # The migration's full sizes take many minutes; run that file by hand for them.
    case $benchmark in *migration*) python "$benchmark" --quick ;; *) python "$benchmark" ;; esac
done
