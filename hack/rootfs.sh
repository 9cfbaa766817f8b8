#!/usr/bin/env bash
# Makes the lab's root file system (Debian bookworm with the packages of rootfs/packages) in the cache.
# usage: rootfs.sh      Prints the folder; made already: returns at once.
set -euo pipefail
source "$(dirname "$0")/cache.sh"
out=$(rootfs_dir)
if [[ -d $out ]]; then echo "$out"; exit 0; fi

if ! command -v mmdebstrap >/dev/null; then
  apt-get update -qq >&2
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends mmdebstrap >&2
fi
mkdir -p "$cache"
work=$(mktemp -d "$cache/rootfs-making.XXXXXX")
trap 'rm -rf --one-file-system "$work"' EXIT
packages=$(grep -v '^#' "$here/rootfs/packages" | paste -sd,)
mmdebstrap --variant=essential --include="$packages" \
  --aptopt='APT::Install-Recommends "false"' --dpkgopt='path-exclude=/usr/share/doc/*' \
  --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
  bookworm "$work/root" >&2
chmod 755 "$work/root"
# Another checkout may have finished first: its result is as good.
mv -T "$work/root" "$out" 2>/dev/null || [[ -d $out ]]
echo "$out"
