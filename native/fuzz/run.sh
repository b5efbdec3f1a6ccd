#!/bin/sh
# Fuzzes every target, one after the other, each for as many seconds as the first argument says (60 unless told).
# What a run finds out is kept in native/fuzz/corpus for the next, what made a target fail in native/fuzz/artifacts.
# Needs `cargo install cargo-fuzz`.
set -eu
cd "$(dirname "$0")/.."
seconds=${1:-60}

if ! cargo fuzz --version >/dev/null 2>&1; then
  echo "rs-agent: cargo-fuzz is missing: cargo install cargo-fuzz" >&2
  exit 69
fi
# The sanitizers are not stable yet: this has the stable compiler offer them, so that no other is needed.
export RUSTC_BOOTSTRAP=1
for target in $(cargo fuzz list); do
  echo "rs-agent: fuzzing $target for $seconds s"
  cargo fuzz run "$target" -- -max_total_time="$seconds" -max_len=2048 -verbosity=0 -print_final_stats=1
done
