#!/bin/sh
# Every test. Those that run in guests take as long as all the others, and are told to give way to them: so both
# kinds run side by side. What the guests found is printed at the end. `npm test` puts vitest on the PATH.
set -u
cd "$(dirname "$0")/.."
vitest="setpriv --pdeathsig TERM vitest run --config test/vitest.config.ts"

said=$(mktemp)
trap 'rm -f "$said"' EXIT
$vitest --maxWorkers=2 lab/ >"$said" 2>&1 &
lab=$!
trap 'kill "$lab"; exit 130' INT TERM

status=0
$vitest --exclude '**/lab/**' || status=$?
wait "$lab" || status=$?
cat "$said"
exit "$status"
