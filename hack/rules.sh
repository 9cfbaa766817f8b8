#!/usr/bin/env bash
# The house rules that no lint knows; prints every breach.
set -euo pipefail
cd "$(dirname "$0")/.."
broken=0
breach() { echo "rules: $*" >&2; broken=1; }

# What decides does nothing: time, randomness and sockets come from outside.
for manifest in core/*/Cargo.toml; do
  crate=ferrolb-$(basename "$(dirname "$manifest")")
  tree=$(cargo tree --locked --package "$crate" --edges normal --prefix none --format '{p}')
  for banned in tokio kube k8s-openapi socket2 libc rand; do
    if grep -q "^$banned v" <<<"$tree"; then
      breach "$crate depends on $banned; see: cargo tree -p $crate --edges normal --invert $banned"
    fi
  done
  if clock=$(grep -nE 'std::time::(Instant|SystemTime)|Instant::now|SystemTime::now' -r "$(dirname "$manifest")/src"); then
    breach "$crate reads a clock: $clock"
  fi
done

sources() { git ls-files -- '*.rs'; }
if found=$(sources | grep -v '^speaker/src/sys' | xargs grep -nE '\bunsafe( |\{)' | grep -vE '^[^:]+:[0-9]+: *//'); then
  breach "unsafe outside speaker/src/sys: $found"
fi
while read -r lines file; do
  if [[ $file != total ]] && ((lines > 400)); then breach "$file has $lines lines: split it at its second concept"; fi
done < <(sources | grep -v '/tests/' | xargs wc -l)
exit "$broken"
