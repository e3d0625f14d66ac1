#!/usr/bin/env bash
# Builds helm, kubeconform and kustomize from their pinned Go modules, once, and prints the folder of the binaries. The
# cache is that of test/control-plane/build.sh: one folder per content of go.mod and go.sum.
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
cache=${OPEN_LOCAL_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/open-local}
export GOTOOLCHAIN=local CGO_ENABLED=0

command -v go >/dev/null || { echo "build.sh: go is missing: helm is built from its Go module (Go 1.26)" >&2; exit 1; }
# Another run that builds is waited for.
mkdir -p "$cache"
exec 9>"$cache/deploy-tools.lock"
flock 9
cd "$here/tools"
out=$cache/deploy/tools-$(cat go.mod go.sum | sha256sum | cut -c1-16)
if [ ! -f "$out/.complete" ]; then
  mkdir -p "$out"
  tools=$(go list tool)
  for tool in $tools; do
    echo "building $tool …" >&2
    go build -trimpath -ldflags '-s -w' -o "$out/" "$tool" >&2
  done
  # kustomize's main package is the last path element of a versioned module.
  [ ! -f "$out/v5" ] || mv "$out/v5" "$out/kustomize"
  touch "$out/.complete"
fi
echo "$out"
