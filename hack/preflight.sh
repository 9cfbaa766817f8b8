#!/usr/bin/env bash
# Says all that keeps this machine from running labs, each with what to do. Most checks are in `ferrolb-lab preflight`; what it
# takes to build that is checked here.
set -euo pipefail
cd "$(dirname "$0")/.."
missing=0
need() { # PROGRAM REMEDY
  if command -v "$1" >/dev/null; then return; fi
  echo "- $1 is not installed: $2"
  missing=1
}
need cargo "install Rust 1.95 or newer with rustup"
need cc "apt-get install gcc libc6-dev"
if ((missing)); then
  if [[ -z ${KUBE_ASSETS:-} ]]; then need go "install Go 1.26 or newer, or point KUBE_ASSETS at a folder with the built programs"; fi
  if ((EUID)); then echo "- you are not root: labs make namespaces and mounts, so run this with sudo"; fi
  echo "Then run this again for the other checks."
  exit 1
fi
source hack/cache.sh
cargo build --quiet --locked --profile lab "${selection[@]}" --bin ferrolb-lab
exec "$(built lab)/ferrolb-lab" preflight "$@"
