#!/usr/bin/env bash
# What `make image` does: the image as an OCI archive in dist/, and its bill of materials beside it.
# Usage: archive.sh [amd64|arm64]
set -euo pipefail
checkout=$(readlink -f "$(dirname "$0")/../..")
arch=${1:-$(dpkg --print-architecture)}
version=$(sed -n 's/^  "version": "\(.*\)",$/\1/p' "$checkout/package.json")
REVISION=$(git -C "$checkout" describe --always --dirty --abbrev=40 --exclude='*' 2> /dev/null || echo unknown)
export REVISION

built=$("$checkout/tools/image/build.sh" "$arch")
name=dist/open-local-$version-$arch
tar --create --file "$checkout/$name.tar" --directory "$built/oci" --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner \
  oci-layout index.json blobs
cp "$built/sbom.spdx.json" "$checkout/$name.spdx.json"
echo "$name.tar  $(cat "$built/digest")"
echo "$name.spdx.json"
