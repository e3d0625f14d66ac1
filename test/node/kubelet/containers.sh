#!/usr/bin/env bash
# Builds what the containers on the node consist of, once, and prints its folder: agent.tar, the userland that the
# agent's program needs around it, Node included, and tool.tar, a shell for pods of the tests. The cache lies outside
# the checkout, one folder per content: 15 seconds cold.
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
node=$(readlink -f "${1:?usage: containers.sh NODE_BINARY}")
cache=${OPEN_LOCAL_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/open-local}/node
export PATH=/usr/local/sbin:/usr/sbin:/sbin:$PATH
. "$here/../machine/unpack.sh"

# What the agent runs, and what Node is linked with. dash and coreutils: bin/open-local is a script.
packages=(base-files base-passwd dash coreutils lvm2 cryptsetup-bin e2fsprogs xfsprogs btrfs-progs util-linux mount libstdc++6 libatomic1 busybox-static)

key=$({ cat "$here/containers.sh" "$here/../machine/unpack.sh"; "$node" --version; uname -m; } | sha256sum | cut -c1-16)
out=$cache/containers-$key
if [ -f "$out/.complete" ]; then echo "$out"; exit 0; fi

[ "$(id -u)" = 0 ] || { echo "containers.sh: the images are built as root, for the owners of their files" >&2; exit 1; }
mkdir -p "$cache"
exec 9> "$cache/.lock"; flock 9
if [ -f "$out/.complete" ]; then echo "$out"; exit 0; fi
work=$(mktemp -d "$cache/build.XXXXXX")
trap 'rm -rf "$work"' EXIT
root=$work/root tool=$work/tool

layer() { # file root
  tar --create --file "$1" --directory "$2" --sort=name --mtime=@0 --numeric-owner .
}

echo "building the containers of the node …" >&2
unpack "$root" "${packages[@]}"
mkdir -p "$tool"/{bin,etc,tmp}
mv "$root/usr/bin/busybox" "$tool/bin/"
for applet in $("$tool/bin/busybox" --list); do [ "$applet" = busybox ] || ln -s busybox "$tool/bin/$applet"; done
cp "$root/usr/share/base-passwd/passwd.master" "$tool/etc/passwd"
layer "$work/tool.tar" "$tool"

cp "$root/usr/share/base-passwd/passwd.master" "$root/etc/passwd"
cp "$root/usr/share/base-passwd/group.master" "$root/etc/group"
ln -sf dash "$root/usr/bin/sh"
# Nobody calls the one program that needs the tables of Unicode, nor the ones in Python.
rm -rf "$root"/usr/sbin/xfs_scrub* "$root"/usr/lib/*/libicu* "$root"/usr/{bin,lib}/python3*
rm -rf "$root"/usr/share/{doc,man,locale,info,zoneinfo} "$root"/var/cache "$root"/var/lib/{apt,dpkg} "$root"/boot "$root"/dev/*
install -m 755 "$node" "$root/usr/bin/node"
ldconfig -r "$root"
layer "$work/agent.tar" "$root"

rm -rf "$root" "$tool" "$out"
touch "$work/.complete"
mv "$work" "$out"
chmod 755 "$out"
trap - EXIT
echo "$out"
