#!/usr/bin/env bash
# Builds what FerroLB is measured beside into the cache: MetalLB's controller, from its public Go module at the version that
# go.mod names, with the sums that go.sum pins, and its CRDs, out of the same module. Nothing of it is kept here.
# usage: build.sh      Prints the folder: metallb-controller, crds/*.yaml. Built already: returns at once.
set -euo pipefail
source "$(dirname "$0")/../cache.sh"
out=$(rivals_dir)
if [[ -x $out/metallb-controller ]]; then echo "$out"; exit 0; fi

cd "$here/rivals"
module=go.universe.tf/metallb
version=$(go list -m -f '{{.Version}}' "$module")
echo "rivals: building MetalLB $version, once: about 6 minutes on two cores" >&2
mkdir -p "$cache"
work=$(mktemp -d "$cache/rivals-making.XXXXXX")
trap 'rm -rf "$work"' EXIT
export CGO_ENABLED=0 GOFLAGS=-buildvcs=false
go build -trimpath -ldflags '-s -w' -o "$work/metallb-controller" "$module/controller"
mkdir "$work/crds"
cp "$(./crds.sh)"/*.yaml "$work/crds"
chmod -R u+w,a+rX "$work"
# Another checkout may have finished first: its result is as good.
mv -T "$work" "$out" 2>/dev/null || [[ -x $out/metallb-controller ]]
echo "$out"
