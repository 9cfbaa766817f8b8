#!/usr/bin/env bash
# Builds and runs one benchmark: it prints `NAME key=value …` and writes target/bench/NAME.json.
# usage: bench.sh bfd|bgp|controller|failover|ipam [SIZE] [OPTIONS…]
#   PROFILE=lab   not what users run, but quicker to build; for a smoke test
#   RIVAL=no      controller: without MetalLB, which is built for the comparison the first time
set -euo pipefail
cd "$(dirname "$0")/.."
name=$1
size=${2:-}
profile=${PROFILE:-dist}
options=("${@:3}")
source hack/cache.sh
programs=("bench-$name")
if [[ $name != ipam ]]; then
  hack/prepare.sh lab
  programs+=(bench-echo ferrolb-controller ferrolb-speaker)
fi
if [[ $name == controller && ${RIVAL:-yes} != no ]]; then options+=(--rival "$(hack/rivals/build.sh)"); fi
cargo build --locked --quiet --profile "$profile" "${selection[@]}" "${programs[@]/#/--bin=}"
exec "$(built "$profile")/bench-$name" ${size:+"$size"} "${options[@]}"
