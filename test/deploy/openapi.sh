#!/usr/bin/env bash
# Fetches what every supported Kubernetes says of its kinds, and the kinds of others that the chart makes objects of,
# out of the Go modules that have them, once. Prints the folder: v1.30.14.json …, and crds/.
set -euo pipefail
cache=${OPEN_LOCAL_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/open-local}
kubernetes='v1.30.14 v1.31.14 v1.32.13 v1.33.13 v1.34.4 v1.35.4 v1.36.3 v1.37.2'
others='
github.com/kubernetes-csi/external-snapshotter/client/v8@v8.6.0 config/crd/snapshot.storage.k8s.io_volumesnapshotclasses.yaml
github.com/cert-manager/cert-manager@v1.21.2 deploy/crds/cert-manager.io_certificates.yaml
github.com/cert-manager/cert-manager@v1.21.2 deploy/crds/cert-manager.io_issuers.yaml
github.com/prometheus-operator/prometheus-operator@v0.85.0 example/prometheus-operator-crd/monitoring.coreos.com_servicemonitors.yaml
github.com/prometheus-operator/prometheus-operator@v0.85.0 example/prometheus-operator-crd/monitoring.coreos.com_prometheusrules.yaml
'
out=$cache/deploy/openapi-$(echo "$kubernetes$others" | sha256sum | cut -c1-16)
command -v go >/dev/null || { echo "openapi.sh: go is missing: descriptions of kinds come in Go modules (Go 1.26)" >&2; exit 1; }

# The modules are large and only these files of them are wanted: they go with the folder.
modules=$(mktemp -d)
trap 'rm -rf "$modules"' EXIT
export GOMODCACHE=$modules GOFLAGS=-modcacherw GOTOOLCHAIN=local

copy() { # module@version file target
  local dir
  [ ! -f "$3" ] || return 0
  echo "fetching $1 …" >&2
  dir=$(cd "$modules" && go mod download -json "$1" | sed -n 's/^\t"Dir": "\(.*\)",\{0,1\}$/\1/p')
  cp "$dir/$2" "$3.new"
  mv "$3.new" "$3"
}

mkdir -p "$out/crds"
while read -r module file; do
  [ -z "$module" ] || copy "$module" "$file" "$out/crds/$(basename "$file")"
done <<<"$others"
for version in $kubernetes; do
  copy "k8s.io/kubernetes@$version" api/openapi-spec/swagger.json "$out/$version.json"
  rm -rf "$modules"/k8s.io "$modules"/cache/download/k8s.io
done
echo "$out"
