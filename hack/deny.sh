#!/usr/bin/env bash
# Licences, bans and sources of all dependencies, against deny.toml.
#   hack/deny.sh              with the pinned cargo-deny, which is built under target/ the first time, or one that is installed
#   hack/deny.sh if-there     the same, but nothing is built: without a cargo-deny it says so and is content
#   hack/deny.sh advisories   known vulnerabilities instead: needs the network, so no other target asks for it
set -euo pipefail
cd "$(dirname "$0")/.."
version=0.20.2
own=target/tools/cargo-deny-$version
program=$own/bin/cargo-deny
if [[ ! -x $program ]] && ! program=$(command -v cargo-deny); then
  if [[ ${1:-} == if-there ]]; then
    echo "deny: no cargo-deny here, so dependencies are not checked; make deny builds one" >&2
    exit 0
  fi
  cargo install --locked --version "$version" --root "$own" cargo-deny
  program=$own/bin/cargo-deny
fi
case ${1:-} in
  "" | if-there)
    # It looks at the manifest of every crate in the lock file, those of other systems too, which no build has asked for.
    cargo fetch --locked --quiet
    exec "$program" --offline --log-level error check licenses bans sources
    ;;
  advisories) exec "$program" check advisories ;;
  *) echo "usage: hack/deny.sh [if-there | advisories]" >&2 && exit 2 ;;
esac
