#!/usr/bin/env bash
# Run every benchmark of tests/bench with the project's own environment.
set -eu -o pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
PATH=$PWD/.venv/bin:$PATH
for benchmark in tests/bench/bench_*.py; do
    printf '\n== %s\n' "$benchmark"
    python "$benchmark" "$@"
done
