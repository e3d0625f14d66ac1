# Sourced: Debian's packages, unpacked and not installed, so that no maintainer script runs.
release=bookworm

unpack() { # root package...
  local root=$1 log sources=/etc/apt/sources.list.d/debian.sources; shift
  log=$(mktemp)
  [ -s "$sources" ] || sources=/etc/apt/sources.list
  # Nowhere but on Debian of this release do the machine's own sources serve; elsewhere mmdebstrap knows Debian's.
  grep -qs "$release" "$sources" || sources=/dev/null
  local from=(-); [ "$sources" != /dev/null ] || from=()
  mmdebstrap --mode=root --variant=extract --format=directory --hook-dir=/usr/share/mmdebstrap/hooks/merged-usr \
    --aptopt='APT::Install-Recommends "false"' --aptopt='Acquire::Check-Valid-Until "false"' \
    --include="$(IFS=,; echo "$*")" "$release" "$root" "${from[@]}" < "$sources" >&2 2> "$log" ||
    { cat "$log" >&2; rm "$log"; exit 1; }
  rm "$log"
}
