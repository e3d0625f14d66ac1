#!/usr/bin/env bash
# Builds the real control plane and the CSI sidecars from their pinned Go modules, once, and prints the folder of the
# binaries. The cache lies outside the checkout, one folder per content of the go.mod and go.sum files: a cold build
# takes about 9 minutes on 2 cores, a warm one none.
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
cache=${OPEN_LOCAL_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/open-local}
export GOTOOLCHAIN=local CGO_ENABLED=0

command -v go >/dev/null || { echo "build.sh: go is missing: the control plane is built from Go modules (Go 1.26)" >&2; exit 1; }

build() { # module-folder ldflags
  local module=$1 ldflags=$2 key out tool
  key=$(cd "$here/$module" && cat go.mod go.sum | sha256sum | cut -c1-16)
  out=$cache/control-plane/$module-$key
  if [ ! -f "$out/.complete" ]; then
    mkdir -p "$out"
    # One package at a time: less memory, and what is done stays done when the build is cut off.
    for tool in $(cd "$here/$module" && go list tool); do
      echo "building $(basename "$tool") …" >&2
      (cd "$here/$module" && go build -trimpath -ldflags "$ldflags" -o "$out/" "$tool") >&2
    done
    # etcd's main package is the last path element of a versioned module: go names its binary "server" or "v3".
    for name in server v3; do [ ! -f "$out/$name" ] || mv "$out/$name" "$out/etcd"; done
    touch "$out/.complete"
  fi
  echo "$out"
}

version='-X k8s.io/component-base/version.gitVersion=v1.36.3 -X k8s.io/component-base/version.gitMajor=1 -X k8s.io/component-base/version.gitMinor=36'
kubernetes=$(build kubernetes "-s -w $version")
csi=$(build csi '-s -w')
# The kinds of snapshots and of group snapshots, as the module of the client has them.
for kinds in snapshot groupsnapshot; do
  [ ! -d "$csi/$kinds-crds" ] || continue
  client=$(cd "$here/csi" && go mod download -json github.com/kubernetes-csi/external-snapshotter/client/v8 | sed -n 's/.*"Dir": "\(.*\)".*/\1/p')
  mkdir -p "$csi/$kinds-crds.new"
  cp "$client"/config/crd/$kinds.storage.k8s.io_*.yaml "$csi/$kinds-crds.new/"
  chmod -R u+w "$csi/$kinds-crds.new"
  mv "$csi/$kinds-crds.new" "$csi/$kinds-crds"
done
kubeadm=$(build kubeadm "-s -w $version")
echo "$kubernetes:$csi:$kubeadm"
