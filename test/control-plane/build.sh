#!/usr/bin/env bash
# Builds the real control plane and the CSI sidecars from their pinned Go modules, once, and prints the folder of the
# binaries. The cache lies outside the checkout, one folder per content of the go.mod and go.sum files: a cold build
# takes about 9 minutes on 2 cores, a warm one none.
# "build.sh schedulers" builds kube-scheduler of other versions instead, and prints a folder a line.
set -euo pipefail
# A build that fails ends this script, within $(build …) too.
shopt -s inherit_errexit
here=$(dirname "$(readlink -f "$0")")
cache=${OPEN_LOCAL_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/open-local}
export GOTOOLCHAIN=local CGO_ENABLED=0

command -v go >/dev/null || { echo "build.sh: go is missing: the control plane is built from Go modules (Go 1.26)" >&2; exit 1; }

# Another run that builds is waited for; what it built is there then.
mkdir -p "$cache"
exec 9>"$cache/control-plane.lock"
flock --nonblock 9 || { echo 'build.sh: waits for another build of the control plane' >&2; flock 9; }

build() { # module-folder
  local module=$1 key out tools tool version ldflags='-s -w'
  # Programs of Kubernetes say by these what they are.
  version=$(sed -nE 's|^.*k8s\.io/kubernetes (v[0-9.]+).*$|\1|p' "$here/$module/go.mod")
  if [ -n "$version" ]; then
    local of=k8s.io/component-base/version minor=${version#v1.}
    ldflags+=" -X $of.gitVersion=$version -X $of.gitMajor=1 -X $of.gitMinor=${minor%%.*}"
  fi
  key=$(cd "$here/$module" && cat go.mod go.sum | sha256sum | cut -c1-16)
  out=$cache/control-plane/$module-$key
  if [ ! -f "$out/.complete" ]; then
    mkdir -p "$out"
    tools=$(cd "$here/$module" && go list tool)
    # One package at a time: less memory, and what is done stays done when the build is cut off.
    for tool in $tools; do
      echo "building $(basename "$tool") …" >&2
      (cd "$here/$module" && go build -trimpath -ldflags "$ldflags" -o "$out/" "$tool") >&2
    done
    # etcd's main package is the last path element of a versioned module: go names its binary "server" or "v3".
    for name in server v3; do [ ! -f "$out/$name" ] || mv "$out/$name" "$out/etcd"; done
    touch "$out/.complete"
  fi
  echo "$out"
}

if [ "${1:-}" = schedulers ]; then
  for module in "$here"/schedulers/*; do build "schedulers/$(basename "$module")"; done
  exit
fi
kubernetes=$(build kubernetes)
csi=$(build csi)
# The kinds of snapshots and of group snapshots, as the module of the client has them.
for kinds in snapshot groupsnapshot; do
  [ ! -d "$csi/$kinds-crds" ] || continue
  client=$(cd "$here/csi" && go mod download -json github.com/kubernetes-csi/external-snapshotter/client/v8 | sed -n 's/.*"Dir": "\(.*\)".*/\1/p')
  mkdir -p "$csi/$kinds-crds.new"
  cp "$client"/config/crd/$kinds.storage.k8s.io_*.yaml "$csi/$kinds-crds.new/"
  chmod -R u+w "$csi/$kinds-crds.new"
  mv "$csi/$kinds-crds.new" "$csi/$kinds-crds"
done
kubeadm=$(build kubeadm)
echo "$kubernetes:$csi:$kubeadm"
