# Sourced by build.sh: Debian's part of the image, in a store of buildah's, and the list of its packages.

store() { buildah --root "$home/store" --runroot "$work/run" "$@"; }

quietly() { # command…: what it says is of interest only when it fails
  "$@" > "$work/log" 2>&1 || { cat "$work/log" >&2; return 1; }
}

image_of() { # name folder-or-archive: an image of one layer
  local container; container=$(store from --arch "$arch" scratch)
  store add --quiet "$container" "$2" / > /dev/null
  store commit --quiet --rm --timestamp "$SOURCE_DATE_EPOCH" "$container" "$1" > /dev/null
}

from_dockerfile() { # argument of buildah bud…
  local sources=/etc/apt/sources.list.d/debian.sources mirror=()
  # Packages come from where this machine has its own from; in the image stays Debian's address.
  ! grep -qs "$release" "$sources" || mirror=(--volume "$sources:$sources:ro")
  quietly store bud --isolation chroot --arch "$arch" --format oci --timestamp "$SOURCE_DATE_EPOCH" "${mirror[@]}" \
    --file "$checkout/Dockerfile" --ignorefile "$checkout/.dockerignore" "$@" "$checkout"
}

# What debian:bookworm-slim has: the essential packages and apt; of documentation the licences.
base() { # archive
  local sources=/etc/apt/sources.list.d/debian.sources from=(-)
  grep -qs "$release" "$sources" || { sources=/dev/null; from=(); }
  quietly mmdebstrap --mode=root --variant=minbase --architectures="$arch" --include=usr-is-merged \
    --hook-dir=/usr/share/mmdebstrap/hooks/merged-usr --aptopt='Acquire::Check-Valid-Until "false"' \
    --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-include=/usr/share/doc/*/copyright' \
    --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/info/*' \
    --dpkgopt='path-exclude=/usr/share/locale/*' --dpkgopt=force-unsafe-io \
    --customize-hook='rm -f "$1"/etc/apt/sources.list "$1"/etc/apt/sources.list.d/* "$1"/etc/apt/apt.conf.d/99mmdebstrap' \
    --customize-hook="copy-in '$here/debian.sources' /etc/apt/sources.list.d" \
    "$release" "$1" "${from[@]}" < "$sources"
}

debian_part() {
  base "$work/debian.tar"
  image_of localhost/base "$work/debian.tar"
  rm "$work/debian.tar"
  from_dockerfile --target system --build-arg BASE=localhost/base --tag localhost/system
  local container root; container=$(store from localhost/system); root=$(store mount "$container")
  dpkg-query --admindir "$root/var/lib/dpkg" --show \
    --showformat '${db:Status-Abbrev}\t${Package}\t${Version}\t${Architecture}\t${source:Package}\n' > "$home/packages.tsv"
  store rm "$container" > /dev/null
}
