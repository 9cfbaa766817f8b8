#!/usr/bin/env bash
# Writes the tables of figures into README.md, each between its two markers, from the last published runs in bench/results/.
# usage: figures.sh           writes them
#        figures.sh --print   only prints them
set -euo pipefail
cd "$(dirname "$0")/.."
results=bench/results

# value RUN KEY DIGITS: of the run with so many Services, or of `failover`, `bgp`, `bfd`, `ipam`, rounded; a dash where it is not known.
value() {
  local file=$results/bench-controller-$1.json
  if [[ $1 != [0-9]* ]]; then file=$results/bench-$1.json; fi
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
  if [[ $(value "$n" takeover_s 1) == – ]]; then return; fi
  printf '| MetalLB has ended, FerroLB starts: all Services are its own after; addresses that changed, objects of MetalLB touched | %s s; %s, %s | – |\n' \
    "$(value "$n" takeover_s 1)" "$(value "$n" takeover_moved 0)" "$(value "$n" takeover_touched 0)"
}

controller() {
  printf '| | FerroLB | MetalLB 0.16.1 |\n|---|---|---|\n'
  for n in 1000 5000; do
    if [[ -f $results/bench-controller-$n.json ]]; then rows "$n"; fi
  done
  if [[ -f $results/bench-ipam.json ]]; then
    printf '| the allocator alone, with %s addresses held: to give one, p50 / p99, in the slowest of its scenarios | %s / %s µs | – |\n' \
      "$(value ipam held 0)" "$(micro alloc_ns)" "$(micro alloc_p99_ns)"
  fi
}
micro() { awk -v ns="$(value ipam "$1" 3)" 'BEGIN { printf ns == "–" ? ns : "%.2f", ns / 1000 }'; }

failover() {
  times() { echo "$(value failover "$1_p50_ms" 0) / $(value failover "$1_p99_ms" 0) ms"; }
  row() { printf '| %s | %s | %s | %s |\n' "$@"; }
  printf '| | FerroLB | keepalived 2.2.7, adverts each 10 ms | MetalLB 0.16.1 |\n|---|---|---|---|\n'
  row "the owner falls silent: until another node answers, p50 / p99" "$(times silent)" "$(times keepalived)" "5.5 s"
  row "… without real-time scheduling" "$(times ordinary_silent)" "–" "–"
  row "its cable is pulled out" "$(times link)" "–" "–"
  row "its speaker freezes" "$(times freeze)" "–" "–"
  row "its speaker is killed" "$(times kill)" "$(times keepalived_kill)" "5.7 s"
  row "1000 VIPs at once: the first, the last" \
    "$(value failover first_of_1000_ms 0), $(value failover last_of_1000_ms 0) ms" "–" "11 s for 1690"
  row "datagrams and new connections lost by a hand-over, by a drain, by an upgrade" \
    "$(value failover handover_lost 0) of $(value failover handover_sent 0), $(value failover drain_lost 0) of $(value failover drain_sent 0), $(value failover upgrade_lost 0) of $(value failover upgrade_sent 0)" "–" "–"
  row "a question by ARP while all processors are busy, p99" "$(value failover arp_p99_us 0) µs" "–" "–"
  row "heartbeats sent by a node of 3; memory with 5000 VIPs, anonymous + shared; processor when idle" \
    "$(value failover heartbeat_kbit_s 0) kbit/s; $(value failover rss_mib_5000 0) + $(value failover rss_shared_mib_5000 0) MiB; $(value failover idle_cpu_percent 2) % of a core" "–" "–"
}

routing() {
  row() { printf '| %s | %s | %s |\n' "$@"; }
  printf '| | FerroLB | beside it |\n|---|---|---|\n'
  row "10,000 VIPs at once, until the router has them all" "$(value bgp routes_10k_ms 0) ms" "packed messages: $(value bgp floor_10k_ms 1) ms"
  row "100,000 VIPs" "$(value bgp routes_100k_ms 0) ms" "packed messages: $(value bgp floor_100k_ms 0) ms"
  row "one VIP of 10,000 comes or goes: on the wire after, p50 / p99" \
    "$(value bgp change_p50_ms 1) / $(value bgp change_p99_ms 1) ms" "–"
  row "a peer is silent, 10 ms × 3: found out after, p50 / p99" \
    "$(value bfd detect_10x3_p50_ms 1) / $(value bfd detect_10x3_p99_ms 1) ms" "BIRD: $(value bfd bird_10x3_p50_ms 1) / $(value bfd bird_10x3_p99_ms 1) ms"
  row "… 50 ms × 3" \
    "$(value bfd detect_50x3_p50_ms 0) / $(value bfd detect_50x3_p99_ms 0) ms" "BIRD: $(value bfd bird_50x3_p50_ms 0) / $(value bfd bird_50x3_p99_ms 0) ms"
  row "256 BFD sessions, 300 ms each" "$(value bfd sessions_256_cpu_percent 1) % of a core" "–"
  row "a Service is created beside 5000: its route at the router after, p50 / p99" \
    "$(value bgp service_to_bird_p50_ms 1) / $(value bgp service_to_bird_p99_ms 1) ms" "–"
  row "memory of a speaker with 10,000 VIPs and 4 peers, anonymous + shared" \
    "$(value bgp rss_mib 0) + $(value bgp rss_shared_mib 0) MiB" "–"
}

# put NAME: the table that the function of that name prints, into its place.
put() {
  table=$("$1") name=$1 awk '
    index($0, "<!-- end of " ENVIRON["name"] " figures") { inside = 0 }
    !inside { print }
    index($0, "<!-- " ENVIRON["name"] " figures") { print ENVIRON["table"]; inside = 1 }
  ' README.md >README.md.new
  mv README.md.new README.md
}

if [[ ${1:-} == --print ]]; then
  failover
  controller
  routing
  exit 0
fi
put failover
put controller
put routing
