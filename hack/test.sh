#!/usr/bin/env bash
# Everything a change must pass, and how long each part took. The last lines are those of the tests on the cluster.
# usage: test.sh            all of it
#        test.sh e2e [ARGUMENTS]      only the tests on the cluster: a filter, --list, --exact NAME
#        test.sh layer2 [ARGUMENTS]   only those of speakers without a cluster, on a switch that misbehaves
#        test.sh bfd [ARGUMENTS]      only those of BFD beside BIRD
#        test.sh interop [ARGUMENTS]  only those of routing programs and speakers, without a cluster
set -euo pipefail
cd "$(dirname "$0")/.."

stage() { # NAME COMMAND...
  local name=$1 start=$SECONDS
  shift
  echo "test: $name"
  "$@"
  echo "test: $name took $((SECONDS - start)) s"
}
# Always of the whole workspace: Cargo unites the features of the packages it is asked for, so that another selection would
# compile most dependencies once more.
tests() {
  FERROLB_LAB=$PWD/.lab/bin/ferrolb-lab cargo test --locked --quiet --workspace "$@"
}
# One at a time: two cores carry one cluster well.
lab() {
  tests --test cluster --test faults --test routers --test switch --test untouched -- --test-threads 1
}
# Most of such a test is waiting, but the second lab gets what real-time budget the first left, and a third none.
layer2() {
  tests --test layer2 -- --test-threads 2 "$@"
}
# One at a time: they measure how soon silence is found out.
bfd() {
  tests --test bfd -- --test-threads 1 --nocapture "$@"
}
# As with layer 2: each waits for the timers of other programs.
interop() {
  tests --test interop -- --test-threads 6 "$@"
}
# What a newcomer runs first, on a lab of its own.
demo() {
  local result=0
  hack/demo.sh demo || result=$?
  .lab/bin/ferrolb-lab --name demo down
  return $result
}
e2e() {
  tests --test e2e -- "$@"
}

if [[ ${1:-} == e2e || ${1:-} == layer2 || ${1:-} == interop || ${1:-} == bfd ]]; then
  stage "programs and images" hack/prepare.sh all
  "$@"
  exit
fi
stage "this machine" hack/preflight.sh
stage "check" hack/check.sh
stage "programs and images" hack/prepare.sh all
stage "its kernel" hack/preflight.sh
# Each of these makes the labs it needs.
stage "the lab" lab
stage "speakers on a switch that misbehaves" layer2
stage "BFD beside BIRD" bfd
stage "speakers and routing programs" interop
stage "benchmarks, a few runs" env PROFILE=lab hack/bench.sh failover 3
stage "benchmarks, a few routes" env PROFILE=lab hack/bench.sh bgp 1
stage "benchmarks, a few silences" env PROFILE=lab hack/bench.sh bfd 3
stage "benchmarks, a few Services" env PROFILE=lab RIVAL=no hack/bench.sh controller 50 --quick
stage "the demo" demo
e2e
