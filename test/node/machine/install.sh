#!/usr/bin/env bash
# Installs what the virtual machine needs of this machine. The machine's own packages come into its image by themselves.
set -euo pipefail
needed=(qemu-system-x86 qemu-utils mmdebstrap e2fsprogs cpio kmod socat)

missing=()
for package in "${needed[@]}"; do
  [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0
[ "$(id -u)" = 0 ] || { echo "install.sh: run as root: apt-get install ${missing[*]}" >&2; exit 1; }
apt-get update -qq
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >&2
