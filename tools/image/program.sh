#!/bin/sh
# Lays out what the image has of ours: program.sh FOLDER makes files/, and node/ with the Node that runs it.
# DIST, IMAGE_NODE: bundles and Node that are not this checkout's. The Dockerfile calls this in its stage build, and so
# does build.sh: both give the same files with the same modes.
set -eu
out=${1:?usage: program.sh FOLDER}
root=$(dirname "$(dirname "$(dirname "$(readlink -f "$0")")")")
node=$(readlink -f "${IMAGE_NODE:-$root/node_modules/.bin/node}")
dist=${DIST:-$root/dist}
home=$out/files/opt/open-local

umask 022
rm -rf "$out"
mkdir -p "$home/bin" "$home/dist" "$out/files/usr/share/doc/open-local" "$out/node/opt/open-local/node_modules/.bin"
install -m 755 "$node" "$out/node/opt/open-local/node_modules/.bin/node"
install -m 755 "$root/bin/open-local" "$home/bin/open-local"
install -m 755 "$root/bin/kubectl-open_local" "$home/bin/kubectl-open_local"
install -m 755 "$root/bin/kubectl_complete-open_local" "$home/bin/kubectl_complete-open_local"
for name in open-local agent copy people sandbox; do
  install -m 644 "$dist/$name.cjs" "$home/dist/$name.cjs"
done
# What the sandbox reads.
cp -r "$root/crds" "$root/deploy" "$root/examples" "$home/"
chmod -R u=rwX,go=rX "$home"
install -m 644 "$root/LICENSE" "$out/files/usr/share/doc/open-local/copyright"
