#!/usr/bin/env bash
# From nothing to a VIP that survives its node; leaves the cluster up.
# usage: demo.sh [LAB]
set -euo pipefail
cd "$(dirname "$0")/.."
name=${1:-default} home=.lab/${1:-default}
lab() { .lab/bin/ferrolb-lab --name "$name" "$@"; }
say() { printf '\n== %s\n' "$*"; }
show() { echo "\$ $*"; "$@"; }

say "Looking whether this machine can run it"
hack/preflight.sh
say "Preparing what is missing"
hack/prepare.sh all
# What the kernel can do is asked with the programs of the root file system.
lab preflight >/dev/null || lab preflight

say "Bringing up a cluster of three nodes, a client and a router, in namespaces of this machine"
if ! lab status | grep -q 'is up:'; then lab up --nodes 3; fi
kubectl() { lab kubectl "$@"; }

say "Installing FerroLB as its users do"
# Images are in the nodes since they came up; a cluster from an earlier run gets the new ones.
lab load .lab/images/controller.tar .lab/images/speaker.tar
images=$(sha256sum .lab/images/{controller,speaker}.tar | sha256sum)
show kubectl apply -k deploy/
if [[ -f $home/demo && $(<$home/demo) != "$images" ]]; then
  # The same tag names other images now, which pods that run do not notice.
  show kubectl -n ferrolb-system rollout restart deployment daemonset
fi
echo "$images" >$home/demo
show kubectl wait --for=condition=Established crd --all --timeout=30s
show kubectl -n ferrolb-system rollout status daemonset --timeout=90s
show kubectl wait --for=condition=Available deployment --all --all-namespaces --timeout=90s
show kubectl apply -f deploy/example/
show kubectl wait --for=condition=Available deployment/hello --timeout=90s
show kubectl wait --for='jsonpath={.status.loadBalancer.ingress[0].ip}' service/hello --timeout=60s
show kubectl get service hello

vip=$(kubectl get service hello -o 'jsonpath={.status.loadBalancer.ingress[0].ip}')
url() { if [[ $1 == *:* ]]; then echo "http://[$1]/hostname"; else echo "http://$1/hostname"; fi; }
fetch() { lab exec client -- curl -s --max-time 2 "$(url "$vip")"; }
say "Fetching a page through $vip, from a client that is no part of the cluster"
for _ in $(seq 50); do if fetch >/dev/null; then break; fi; sleep 0.2; done
echo "The pod $(fetch) answers."

# Whose MAC address the client has for the VIP; nodes' end in their number.
owner() {
  lab exec client -- ip -j neigh show to "$vip" |
    sed -n 's/.*"lladdr":"02:00:00:00:00:\([0-9a-f]*\)".*/\1/p' | while read -r last; do echo "n$((16#$last - 10))"; done
}
before=$(owner)
say "$before owns $vip; now its network goes silent, though its link stays up"
lab exec client -- /lab/bin/ferrolb-lab probe --to "$vip" --plain-tcp 80 --for 5 >"$home/log/demo-probe.json" &
probe=$!
sleep 1
lab exec sw -- nft add element bridge lab silent "{ $before }"
wait "$probe"
after=$(owner)
ms=$(sed -n 's/.*"event":"gap".*"from":\([0-9]*\),"to":\([0-9]*\),.*/\1 \2/p' "$home/log/demo-probe.json" |
  awk '{ gap = ($2 - $1) / 1e6; if (gap > most) most = gap } END { printf "%.0f", most }')
lab exec sw -- nft delete element bridge lab silent "{ $before }"
echo "Now $after answers; between the first connection that failed and the next that came through: $ms ms."
echo "The pod $(fetch) answers."
if [[ $after == "$before" || -z $after || $ms == 0 ]]; then
  echo "demo: the VIP was not seen to move from $before: see .lab/bin/ferrolb-lab --name $name logs" >&2
  exit 1
fi

say "The cluster stays up. Next"
echo "  export KUBECONFIG=$PWD/$home/kubeconfig PATH=$PWD/.lab/kube:$PWD/.lab/bin:\$PATH    # kubectl, and its plugin ferrolb"
echo "  make lab-shell            # a shell on the client; ON=n1 for a node"
echo "  make lab-down"
