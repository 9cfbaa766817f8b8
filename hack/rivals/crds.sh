#!/usr/bin/env bash
# The folder with MetalLB's CRDs, in the module cache of Go: at the version that go.mod names, with the sum that go.sum pins.
set -euo pipefail
cd "$(dirname "$0")"
module=go.universe.tf/metallb
version=$(awk -v module="$module" '$1 == "require" && $2 == module { print $3 }' go.mod)
go mod download -json "$module@$version" | sed -n 's|^\t"Dir": "\(.*\)",$|\1/config/crd/bases|p'
