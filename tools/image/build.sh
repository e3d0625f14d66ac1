#!/usr/bin/env bash
# Builds the image of the Dockerfile without an engine or a registry, as root, and prints the folder that has it:
# oci, an OCI layout, digest, that of its manifest, and sbom.spdx.json. Usage: build.sh [amd64|arm64]
# Debian's part is kept in a cache outside the checkout, by the content of what makes it: minutes cold, seconds warm.
# FRESH=1 takes the packages that Debian has today; DIST is a folder of bundles other than dist/; REVISION is the commit
# that the image names.
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
checkout=$(dirname "$(dirname "$here")")
arch=${1:-$(dpkg --print-architecture)}
revision=${REVISION:-unknown}
dist=${DIST:-$checkout/dist}
cache=${OPEN_LOCAL_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/open-local}/image
release=bookworm
# One time for all that is in the image, so that two builds are the same to the byte.
export SOURCE_DATE_EPOCH=0
export PATH=/usr/local/sbin:/usr/sbin:/sbin:$PATH

[ "$(id -u)" = 0 ] || { echo "build.sh: run as root: the files of the image belong to root" >&2; exit 1; }
[ -f "$dist/agent.cjs" ] || { echo "build.sh: $dist/agent.cjs is missing: run 'make build'" >&2; exit 1; }
case $arch in amd64 | arm64) ;; *) echo "build.sh: no image for $arch: it is amd64 or arm64" >&2; exit 1 ;; esac
"$checkout/tools/install-packages.sh" buildah mmdebstrap
if [ "$arch" != "$(dpkg --print-architecture)" ]; then
  "$checkout/tools/install-packages.sh" arch-test qemu-user-static
  arch-test "$arch" > /dev/null || {
    echo "build.sh: this machine runs no programs of $arch: give its kernel binfmt_misc (mount -t binfmt_misc none /proc/sys/fs/binfmt_misc) and install qemu-user-static again" >&2
    exit 1
  }
fi
# buildah's mounts end with this process.
[ -n "${IN_NAMESPACE-}" ] || IN_NAMESPACE=1 exec unshare --mount --propagation private -- "$0" "$@"

key=$({ sed -n '/ AS system$/,/^$/p' "$checkout/Dockerfile"; cat "$here/debian.sh" "$here/debian.sources"; echo "$arch"; } | sha256sum | cut -c1-16)
home=$cache/$key
mkdir -p "$cache"
exec 9> "$cache/.lock"; flock 9
[ -z "${FRESH-}" ] || rm -rf "$home"
mkdir -p "$home" && touch "$home"
find "$cache" -mindepth 1 -maxdepth 1 -type d -mtime +14 -exec rm -rf {} +
work=$(mktemp -d "$cache/work.XXXXXX")
trap 'rm -rf "$work"' EXIT
. "$here/debian.sh"

if [ ! -f "$home/.complete" ]; then
  echo "building Debian's part of the image for $arch …" >&2
  debian_part
  touch "$home/.complete"
fi

node=$checkout/node_modules/.bin/node
node_for_image=$node
if [ "$arch" != "$(dpkg --print-architecture)" ]; then
  mkdir "$work/npm"
  cp "$checkout"/{package.json,package-lock.json,.npmrc} "$work/npm/"
  quietly npm ci --prefix "$work/npm" --omit=dev --os=linux --cpu="$arch"
  node_for_image=$(echo "$work"/npm/node_modules/node-linux-*/bin/node)
fi
DIST=$dist IMAGE_NODE=$node_for_image "$here/program.sh" "$work/program"
out=$home/$({ echo "$revision"; cat "$checkout/Dockerfile" "$here/build.sh" "$here/sbom.ts"; cd "$work/program"; find . -type f -print0 | sort -z | xargs -0 sha256sum; } | sha256sum | cut -c1-16)
if [ -d "$out" ]; then touch "$out"; echo "$out"; exit 0; fi

mkdir "$work/out"
from_dockerfile --build-context build="$work" --build-context system=container-image://localhost/system \
  --build-arg REVISION="$revision" --tag localhost/open-local
store push --quiet localhost/open-local "oci:$work/out/oci:open-local"
grep -o 'sha256:[0-9a-f]*' "$work/out/oci/index.json" > "$work/out/digest"
"$node" "$here/sbom.ts" "$checkout" "$dist" "$home/packages.tsv" "$arch" "$(cat "$work/out/digest")" > "$work/out/sbom.spdx.json"
store rm --all > /dev/null
store rmi localhost/open-local > /dev/null
store rmi --prune > /dev/null
# Of earlier contents only what somebody may be reading.
find "$home" -mindepth 1 -maxdepth 1 -type d -name '[0-9a-f]*' -mmin +120 -exec rm -rf {} +
mv "$work/out" "$out"
echo "$out"
