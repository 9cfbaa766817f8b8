#!/usr/bin/env bash
# Builds the lab's Kubernetes into the cache: one multi-call binary (see main.go) and agnhost, the pods' test server.
# usage: build.sh      Prints the folder; built already, or KUBE_ASSETS names one: returns at once.
set -euo pipefail
source "$(dirname "$0")/../cache.sh"
out=$(kube_dir)
if [[ -x $out/controlplane && -x $out/agnhost ]]; then echo "$out"; exit 0; fi
if [[ -n ${KUBE_ASSETS:-} ]]; then
  echo "KUBE_ASSETS=$KUBE_ASSETS holds no controlplane and agnhost: unset it to build them here" >&2
  exit 1
fi

cd "$here/controlplane"
version=$(go list -m -f '{{.Version}}' k8s.io/kubernetes)
minor=$(cut -d. -f2 <<<"$version")
mkdir -p "$cache"
work=$(mktemp -d "$cache/kube-making.XXXXXX")
trap 'rm -rf "$work"' EXIT
k=k8s.io/component-base/version
export CGO_ENABLED=0 GOFLAGS=-buildvcs=false
go build -trimpath -o "$work/controlplane" \
  -ldflags "-s -w -X $k.gitVersion=$version -X $k.gitMajor=1 -X $k.gitMinor=$minor" .
go build -trimpath -o "$work/agnhost" -ldflags '-s -w' k8s.io/kubernetes/test/images/agnhost
for name in etcd kube-apiserver kube-controller-manager kube-scheduler kube-proxy kubelet kubectl; do
  ln -sf controlplane "$work/$name"
done
chmod 755 "$work"
# Another checkout may have finished first: its result is as good.
mv -T "$work" "$out" 2>/dev/null || [[ -x $out/controlplane ]]
echo "$out"
