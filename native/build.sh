#!/bin/sh
# Builds the addon into native/addon/ (rs-agent.node and its types, index.d.ts).
# Run through `npm run build`, which puts the napi command on the PATH.
set -eu
cd "$(dirname "$0")/.."
# In what panics say there are paths of sources: not those of this machine, so that the same bytes come out elsewhere.
export RUSTFLAGS="--remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}=cargo --remap-path-prefix=$PWD=rs-agent"
napi build --manifest-path native/Cargo.toml --package-json-path package.json \
  --release --strip --output-dir native/addon --dts index.d.ts
