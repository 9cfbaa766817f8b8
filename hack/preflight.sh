#!/usr/bin/env bash
# Says all that keeps this machine from running labs. The checks are in `ferrolb-lab preflight`; to build that
# takes cargo.
set -euo pipefail
cd "$(dirname "$0")/.."
if ! command -v cargo >/dev/null; then
  echo "- cargo is not installed: install Rust 1.95 or newer with rustup, then run this again for the other checks"
  exit 1
fi
source hack/cache.sh
cargo build --quiet --locked --profile lab "${selection[@]}" --bin ferrolb-lab
exec "$(built lab)/ferrolb-lab" preflight "$@"
