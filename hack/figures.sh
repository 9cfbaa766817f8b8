#!/usr/bin/env bash
# Writes the table of the controller's figures into README.md, between its two markers, from the last published runs in
# bench/results/. usage: figures.sh           writes it
#                        figures.sh --print   only prints it
set -euo pipefail
cd "$(dirname "$0")/.."
results=bench/results

# value N KEY DIGITS: of the run with N Services, rounded; a dash where it is not known.
value() {
  local file=$results/bench-controller-$1.json
  awk -v key="\"$2\":" -v digits="$3" '$1 == key { printf "%.*f", digits, $2 + 0; found = 1 }
    END { if (!found) printf "–" }' "$file"
}
# share N KEY: per cent.
share() { awk -v part="$(value "$1" "$2" 3)" 'BEGIN { printf part == "–" ? part : "%.0f", part * 100 }'; }
seconds() { awk -v ms="$(value "$1" "$2" 3)" 'BEGIN { printf ms == "–" ? ms : ms < 1000 ? "%.0f ms" : "%.1f s", ms < 1000 ? ms : ms / 1000 }'; }

rows() { # N
  local n=$1
  row() { # WHAT COMMAND-FOR-A-PREFIX
    printf '| %s | %s | %s |\n' "$1" "$($2 '')" "$($2 metallb_)"
  }
  rate() { echo "$(share "$n" "$1ratio") % ($(share "$n" "$1ratio_min")–$(share "$n" "$1ratio_max")), $(value "$n" "$1start_to_last_s" 1) s"; }
  writes() { echo "$(value "$n" "$1status_patches_per_service" 1), $(value "$n" "$1all_writes_per_service" 1)"; }
  restart() { echo "$(seconds "$n" "$1restart_new_service_ms"), $(value "$n" "$1restart_cpu_s" 2) s, $(value "$n" "$1restart_writes" 0)"; }
  replace() { echo "$(seconds "$n" "$1delete_create_ms"), $(value "$n" "$1delete_create_writes" 0)"; }
  idle() { echo "$(value "$n" "$1latency_p50_ms" 1) / $(value "$n" "$1latency_p99_ms" 1) ms$(echo_of "$1" echo)"; }
  full() { echo "$(value "$n" "$1latency_full_p50_ms" 1) / $(value "$n" "$1latency_full_p99_ms" 1) ms$(echo_of "$1" echo_full)"; }
  echo_of() { if [[ -z $1 ]]; then echo " (echo $(value "$n" "$2_p50_ms" 1) / $(value "$n" "$2_p99_ms" 1))"; fi; }
  memory() { echo "$(value "$n" "$1rss_anon_mib" 0) + $(value "$n" "$1rss_shared_mib" 0) MiB"; }
  row "**$n Services** wait: rate, of what the API server takes from anybody; time from the controller's start" rate
  row "… writes for each until all is quiet: to its status, in all" writes
  row "restart: a new Service has its address after; processor time; writes" restart
  row "one of them is deleted, one created: until it has its address; writes to statuses" replace
  row "one Service, nothing else there: p50 / p99 from the end of the call to the address" idle
  row "the same beside all the others" full
  row "memory, anonymous + shared" memory
}

table() {
  printf '| | FerroLB | MetalLB 0.16.1 |\n|---|---|---|\n'
  for n in 1000 5000; do
    if [[ -f $results/bench-controller-$n.json ]]; then rows "$n"; fi
  done
}

if [[ ${1:-} == --print ]]; then
  table
  exit 0
fi
table=$(table) awk '
  /<!-- end of controller figures/ { inside = 0 }
  !inside { print }
  /<!-- controller figures/ { print ENVIRON["table"]; inside = 1 }
' README.md >README.md.new
mv README.md.new README.md
