#!/usr/bin/env bash
# Makes what labs are made from, side by side, telling every few seconds what runs and how long it should take:
# the root file system, Kubernetes (Go) and FerroLB (Rust). Leaves, all below .lab/:
#   rootfs, kube          links into the cache
#   bin/                  ferrolb-lab, kubectl-ferrolb (kubectl in the lab finds its plugins here), ferrolb-speaker
#   images/*.tar          what every node loads
#   log/*.log             what each step printed
# usage: prepare.sh [lab|all]   `lab` leaves out FerroLB itself.   DIST=1: the binaries that users run.
set -euo pipefail
source "$(dirname "$0")/cache.sh"
what=${1:-all}
cd "$here/.."
lab=$PWD/.lab
profile=lab
if [[ -n ${DIST:-} ]]; then profile=dist; fi
programs=(ferrolb-lab)
if [[ $what == all ]]; then programs+=(ferrolb-controller ferrolb-speaker kubectl-ferrolb); fi
mkdir -p "$lab"/{bin,images,log}

declare -A pid estimate started
# start NAME SECONDS COMMAND...: SECONDS is what it takes with empty caches on two cores.
start() {
  local name=$1
  estimate[$name]=$2
  shift 2
  started[$name]=$SECONDS
  "$@" </dev/null >"$lab/log/$name.out" 2>"$lab/log/$name.log" &
  pid[$name]=$!
}
build_rust() { cargo build --locked --profile "$profile" "${selection[@]}" "${programs[@]/#/--bin=}"; }
trap 'for name in "${!pid[@]}"; do kill "${pid[$name]}" 2>/dev/null || true; done' EXIT

if [[ ! -d $(rootfs_dir) ]] && ! command -v mmdebstrap >/dev/null; then
  echo "prepare: mmdebstrap is missing and will be installed on this machine: the one package the lab asks of it"
fi
start rootfs 60 "$here/rootfs.sh"
start kubernetes 560 "$here/controlplane/build.sh"
start rust 300 build_rust

failed=()
next=$((SECONDS + 3))
while ((${#pid[@]})); do
  for name in "${!pid[@]}"; do
    if kill -0 "${pid[$name]}" 2>/dev/null; then continue; fi
    if wait "${pid[$name]}"; then
      took=$((SECONDS - started[$name]))
      if ((took > 2)); then echo "prepare: $name is done after $took s"; fi
    else
      failed+=("$name")
      echo "prepare: $name failed; $lab/log/$name.log ends:" >&2
      tail -n 30 "$lab/log/$name.log" >&2
    fi
    unset "pid[$name]"
  done
  if ((SECONDS >= next && ${#pid[@]})); then
    line=
    for name in "${!pid[@]}"; do line+="  $name $((SECONDS - started[$name])) s of about ${estimate[$name]}"; done
    echo "prepare: running:$line"
    next=$((SECONDS + 10))
  fi
  sleep 0.2
done
if ((${#failed[@]})); then exit 1; fi

ln -sfn "$(cat "$lab/log/rootfs.out")" "$lab/rootfs"
ln -sfn "$(cat "$lab/log/kubernetes.out")" "$lab/kube"
built=$(built "$profile")
tools=(ferrolb-lab)
if [[ $what == all ]]; then tools+=(kubectl-ferrolb ferrolb-speaker); fi
for tool in "${tools[@]}"; do
  cp "$built/$tool" "$lab/bin/$tool.new"
  mv "$lab/bin/$tool.new" "$lab/bin/$tool"
done

# image NAME BINARY: made again when the binary is newer.
image() {
  local tar=$lab/images/$1.tar
  if [[ ! $tar -nt $3 ]]; then "$lab/bin/ferrolb-lab" image --out "$tar" --reference "$2" "$3"; fi
}
image agnhost registry.k8s.io/e2e-test-images/agnhost:2.59 "$lab/kube/agnhost"
if [[ $what == all ]]; then
  image controller ghcr.io/ferrolb/controller:dev "$built/ferrolb-controller"
  image speaker ghcr.io/ferrolb/speaker:dev "$built/ferrolb-speaker"
fi
