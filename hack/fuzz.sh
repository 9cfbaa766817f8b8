#!/usr/bin/env bash
# Fuzzes every decoder in turn with libFuzzer, for its share of MINUTES; prints the executions and the engine, and writes them
# to target/fuzz.txt. Stops at the first input that breaks a promise, which is kept under fuzz/artifacts.
#   MINUTES=5     for all of them together
#   ONLY=update   one of them
#   KEEP=yes      makes fuzz/corpus anew of what reached new code, cut down to the least that reaches all of it
# What was found without KEEP stays under target/fuzz-corpus and is where the next run begins.
set -euo pipefail
cd "$(dirname "$0")/.."
source hack/cache.sh
version=0.13.2
tool=$cache/cargo-fuzz-$version
if [[ ! -x $tool/bin/cargo-fuzz ]]; then
  cargo install --locked --version "$version" --root "$tool" cargo-fuzz
fi
# Built apart from everything else: the engine wants flags that would build all dependencies anew each time.
work=${CARGO_TARGET_DIR:-$PWD/target}/fuzz
fuzz() { CARGO_TARGET_DIR=$work "$tool/bin/cargo-fuzz" fuzz "$@"; }
engine="libFuzzer (libfuzzer-sys $(sed -n '/^name = "libfuzzer-sys"/{n;s/version = "\(.*\)"/\1/p}' fuzz/Cargo.lock))"

mapfile -t targets < <(sed -n 's/^path = "fuzz_targets\/\(.*\)\.rs"/\1/p' fuzz/Cargo.toml)
if [[ -n ${ONLY:-} ]]; then targets=("$ONLY"); fi
seconds=$((${MINUTES:-5} * 60 / ${#targets[@]}))
if ((seconds < 1)); then echo "fuzz: MINUTES is a whole number from 1" >&2 && exit 2; fi # libFuzzer takes 0 for ever
log=target/fuzz.txt
mkdir -p target
: >"$log"
for target in "${targets[@]}"; do
  # Without a sanitizer the stable compiler will do: what is fuzzed has no `unsafe`, so a panic is all that can go wrong.
  fuzz build -s none "$target"
  found=target/fuzz-corpus/$target
  mkdir -p "$found" "fuzz/corpus/$target"
  if ! output=$(fuzz run -s none "$target" "$found" "fuzz/corpus/$target" -- -max_total_time="$seconds" -max_len=4096 \
    -timeout=5 -rss_limit_mb=512 -print_final_stats=1 2>&1); then
    printf '%s\n' "$output" | tail -60 >&2
    echo "fuzz: $target breaks a promise; the input is under fuzz/artifacts/$target" >&2
    exit 1
  fi
  executions=$(sed -n 's/^stat::number_of_executed_units: *//p' <<<"$output")
  rate=$(sed -n 's/^stat::average_exec_per_sec: *//p' <<<"$output")
  rss=$(sed -n 's/^stat::peak_rss_mb: *//p' <<<"$output")
  echo "fuzz $target executions=$executions per_second=$rate peak_rss_mb=$rss findings=0 seconds=$seconds engine=$engine commit=$(git rev-parse --short HEAD) date=$(date -u +%F)" | tee -a "$log"
  if [[ ${KEEP:-} == yes ]]; then
    # By branches, not by how often each was taken: that would keep several times as many.
    kept=$(mktemp -d)
    fuzz run -s none "$target" "$kept" "fuzz/corpus/$target" "$found" -- -set_cover_merge=1 -use_counters=0 -max_len=256 >/dev/null 2>&1
    rm -r "fuzz/corpus/$target"
    cp -r "$kept" "fuzz/corpus/$target"
    rm -r "$kept"
  fi
done
