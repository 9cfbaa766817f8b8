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
# Tests that run only when named are targets only when named.
step "lints" cargo clippy --locked --workspace --all-targets --test '*' --quiet -- -D warnings
step "tests that need no lab" cargo test --locked --workspace --quiet
