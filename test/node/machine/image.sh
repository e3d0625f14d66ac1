#!/usr/bin/env bash
# Builds the image of the node, once, and prints its folder: vmlinuz, initrd.cpio and root.ext4. Debian's own packages,
# unpacked and not installed, so that no maintainer script runs; then what an installation would have written, as far as
# the node needs it. The cache lies outside the checkout, one folder per content of these scripts and of Node: 30
# seconds cold, none warm.
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
node=$(readlink -f "${1:?usage: image.sh NODE_BINARY}")
cache=${OPEN_LOCAL_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/open-local}/node
export PATH=/usr/local/sbin:/usr/sbin:/sbin:$PATH
. "$here/unpack.sh"

packages=(
  base-files base-passwd bash coreutils dash debianutils diffutils findutils grep gzip hostname libc-bin mawk mount procps psmisc sed tar
  util-linux util-linux-extra busybox-static iproute2 kmod lsof socat udev libstdc++6 libatomic1 linux-image-cloud-amd64
  lvm2 dmsetup thin-provisioning-tools mdadm cryptsetup-bin e2fsprogs logsave xfsprogs btrfs-progs dosfstools ntfs-3g fdisk gdisk
  containerd runc containernetworking-plugins nftables dnsmasq-base
  genisoimage bcache-tools multipath-tools kpartx drbd-utils zfs-fuse
)
# Put together by hand in the tests: here they would take hold of a disk as soon as it looks like theirs.
left_out=(64-md-raid-assembly.rules 69-bcache.rules 60-multipath.rules)

key=$({ cat "$here/image.sh" "$here/unpack.sh" "$here"/guest/*; "$node" --version; uname -m; } | sha256sum | cut -c1-16)
out=$cache/$key
if [ -f "$out/.complete" ]; then echo "$out"; exit 0; fi

[ "$(id -u)" = 0 ] || { echo "image.sh: the image is built as root, for the owners of its files" >&2; exit 1; }
mkdir -p "$cache"
exec 9> "$cache/.lock"; flock 9 # two builders would unpack into each other
if [ -f "$out/.complete" ]; then echo "$out"; exit 0; fi
work=$(mktemp -d "$cache/build.XXXXXX")
trap 'rm -rf "$work"' EXIT
root=$work/root

settle() { # what the packages' maintainer scripts would have done
  cp "$root/usr/share/base-passwd/passwd.master" "$root/etc/passwd"
  cp "$root/usr/share/base-passwd/group.master" "$root/etc/group"
  local group; for group in input:104 kvm:105 render:106 sgx:107; do echo "${group%:*}:x:${group#*:}:" >> "$root/etc/group"; done
  ln -sf mawk "$root/usr/bin/awk"
  ln -sf dash "$root/usr/bin/sh"
  ln -sf /proc/self/mounts "$root/etc/mtab"
  : > "$root/etc/fstab"
  echo 127.0.0.1 localhost node > "$root/etc/hosts"
  local rule; for rule in "${left_out[@]}"; do rm "$root/usr/lib/udev/rules.d/$rule"; done
  rm -rf "$root"/usr/share/{doc,man,locale,info,i18n,perl,perl5} "$root"/usr/lib/udev/hwdb.d
  mkdir -p "$root"/{mnt,work} "$root/var/lib/kubelet"
  install -m 755 "$here/guest/init" "$root/usr/sbin/node-init"
  install -m 755 "$here/guest/serve" "$root/usr/sbin/node-serve"
  install -m 755 "$node" "$root/usr/bin/node"
  kernel=$(basename "$root"/lib/modules/*)
  depmod -b "$root" "$kernel"
  ldconfig -r "$root"
}

initrd() { # a shell and the two modules that find the root disk
  local dir=$work/initrd file
  mkdir -p "$dir"/{bin,dev,proc,sys,root,modules}
  cp "$root/usr/bin/busybox" "$dir/bin/"
  install -m 755 "$here/guest/initrd" "$dir/init"
  for module in virtio_pci virtio_blk; do
    modprobe -d "$root" -S "$kernel" --show-depends "$module" | awk '$1 == "insmod" { print $2 }'
  done | awk '!seen[$0]++' | while read -r file; do cp "$file" "$dir/modules/"; basename "$file" >> "$dir/modules/order"; done
  (cd "$dir" && find . | cpio -o -H newc -R 0:0 --quiet) > "$work/initrd.cpio"
}

echo "building the image of the node …" >&2
unpack "$root" "${packages[@]}"
settle
initrd
cp "$root/boot/vmlinuz-$kernel" "$work/vmlinuz"
rm -rf "$root/boot"
mke2fs -q -t ext4 -L node-root -N 65536 -E root_owner=0:0,lazy_itable_init=0 -m 0 -d "$root" "$work/root.ext4" 4G >&2
rm -rf "$root" "$work/initrd" "$out"
# Images of earlier versions that nobody has built anew for two weeks.
find "$cache" -mindepth 1 -maxdepth 1 -type d -mtime +14 ! -path "$work" -exec rm -rf {} +
touch "$work/.complete"
mv "$work" "$out"
chmod 755 "$out"
trap - EXIT
echo "$out"
