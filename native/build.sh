#!/bin/sh
# Builds the addon into native/addon/ (rs-agent.node and its types, index.d.ts).
# Run through `npm run build`, which puts the napi command on the PATH.
set -eu
cd "$(dirname "$0")/.."
napi build --manifest-path native/Cargo.toml --package-json-path package.json \
  --release --strip --output-dir native/addon --dts index.d.ts
