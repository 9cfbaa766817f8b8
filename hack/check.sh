#!/usr/bin/env bash
# Formatting, lints, unit tests, house rules: all that needs neither root nor a lab.
set -euo pipefail
cd "$(dirname "$0")/.."
source hack/cache.sh
step() {
  echo "check: $1"
  shift
  "$@"
}
step "formatting" cargo fmt --check
step "house rules" hack/rules.sh
crds() { cargo build --locked --quiet --workspace --bin crdgen && "$(built debug)/crdgen" --check; }
step "deploy/crds against the types" crds
step "dependencies" hack/deny.sh if-there
step "lints" cargo clippy --locked --workspace --all-targets --quiet -- -D warnings
step "tests of every crate but the lab's and the cluster's" \
  cargo test --locked --workspace --exclude ferrolb-lab --exclude ferrolb-tests --quiet
step "tests of the lab that need none" cargo test --locked -p ferrolb-lab --lib --quiet
