#!/usr/bin/env bash
# Builds the layer of which the pods of the tests are made, a shell, once, and prints its archive. The cache lies
# outside the checkout, one folder per content: 5 seconds cold.
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
cache=${OPEN_LOCAL_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/open-local}/node
export PATH=/usr/local/sbin:/usr/sbin:/sbin:$PATH
. "$here/../machine/unpack.sh"

key=$({ cat "$here/tool.sh" "$here/../machine/unpack.sh"; uname -m; } | sha256sum | cut -c1-16)
out=$cache/tool-$key
if [ -f "$out/.complete" ]; then echo "$out/layer.tar"; exit 0; fi

[ "$(id -u)" = 0 ] || { echo "tool.sh: the layer is built as root, for the owners of its files" >&2; exit 1; }
mkdir -p "$cache"
exec 9> "$cache/.lock"; flock 9
if [ -f "$out/.complete" ]; then echo "$out/layer.tar"; exit 0; fi
work=$(mktemp -d "$cache/build.XXXXXX")
trap 'rm -rf "$work"' EXIT
root=$work/root tool=$work/tool

unpack "$root" busybox-static base-passwd
mkdir -p "$tool"/{bin,etc,tmp}
mv "$root/usr/bin/busybox" "$tool/bin/"
for applet in $("$tool/bin/busybox" --list); do [ "$applet" = busybox ] || ln -s busybox "$tool/bin/$applet"; done
cp "$root/usr/share/base-passwd/passwd.master" "$tool/etc/passwd"
tar --create --file "$work/layer.tar" --directory "$tool" --sort=name --mtime=@0 --numeric-owner .

rm -rf "$root" "$tool" "$out"
touch "$work/.complete"
mv "$work" "$out"
chmod 755 "$out"
trap - EXIT
echo "$out/layer.tar"
