#!/usr/bin/env bash
# Runs every simulator on as many seeds as fit into its share of MINUTES, from seed 0 on; prints what was run, and writes it to
# target/sim.txt. Stops at the first seed that fails, which the simulator prints with the smallest part that still fails.
#   MINUTES=5     for all of them together
#   SEEDS=100000  that many each instead, however long it takes
#   ONLY=ipam     one of them
set -euo pipefail
cd "$(dirname "$0")/.."
# name | test binary | test | seeds in one go
simulators=(
  "ipam|-p ferrolb-ipam --test properties|whatever_happens_the_contract_holds|2000"
  "controller|-p ferrolb-controller --lib|sim::seeds|1000"
  "ownership|-p ferrolb-ownership --test simulation|nothing_breaks_in_any_seed|2000"
  "bgp|-p ferrolb-bgp --test simulation|nothing_breaks_in_any_seed|2000"
  "bfd|-p ferrolb-bfd --test simulation|nothing_breaks_in_any_seed|1000"
)
log=target/sim.txt
mkdir -p target
: >"$log"
share=$((${MINUTES:-5} * 60 / ${#simulators[@]}))
for simulator in "${simulators[@]}"; do
  IFS='|' read -r name binary test batch <<<"$simulator"
  if [[ -n ${ONLY:-} && $name != "$ONLY" ]]; then continue; fi
  # shellcheck disable=SC2086 # the binary is several words
  cargo test --locked --quiet $binary --no-run
  began=$SECONDS
  seeds=0
  while [[ -n ${SEEDS:-} && $seeds -lt ${SEEDS:-0} ]] || [[ -z ${SEEDS:-} && $((SECONDS - began)) -lt $share ]]; do
    # shellcheck disable=SC2086
    if ! output=$(SEEDS=$seeds..$((seeds + batch)) cargo test --locked $binary "$test" -- --nocapture 2>&1) ||
      ! grep -qE '[1-9][0-9]* passed' <<<"$output"; then
      printf '%s\n' "$output" >&2
      echo "sim: $name fails among seeds $seeds..$((seeds + batch)); see above" >&2
      exit 1
    fi
    seeds=$((seeds + batch))
  done
  echo "sim $name seeds=0..$seeds failed=0 seconds=$((SECONDS - began)) commit=$(git rev-parse --short HEAD) date=$(date -u +%F)" | tee -a "$log"
done
