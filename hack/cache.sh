# Sourced by the scripts beside it: where things that are slow to make are kept, shared between checkouts.
# Every entry is named by what it was made from and is never changed once it has its name.

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${FERROLB_CACHE:-$HOME/.cache/ferrolb}

short_hash() { sha256sum | cut -c1-12; }

rootfs_dir() { echo "$cache/rootfs-$(cat "$here/rootfs/packages" "$here/rootfs.sh" | short_hash)"; }

# KUBE_ASSETS names a folder that was built elsewhere and is taken as it is.
kube_dir() {
  local module=$here/controlplane
  echo "${KUBE_ASSETS:-$cache/kube-$(cat "$module"/{main.go,tools.go,go.mod,go.sum,build.sh} | short_hash)}"
}

rivals_dir() { echo "$cache/rivals-$(cat "$here"/rivals/{tools.go,go.mod,go.sum,build.sh,crds.sh} | short_hash)"; }

# The programs are always built as one selection of packages: Cargo unites the features of the packages it is asked for, so
# that another selection would compile most dependencies once more. `--bin` says which of them are wanted.
selection=(-p ferrolb-lab -p ferrolb-controller -p ferrolb-speaker -p ferrolb-cli -p ferrolb-bench)

# Where a profile's programs are: built PROFILE
built() { echo "${CARGO_TARGET_DIR:-target}/$(rustc --print host-tuple)/$1"; }
