#!/usr/bin/env bash
# Runs the stage `build` of the Dockerfile as `docker build` does, in a Debian with Node 24 and npm, and prints in what
# the program that it makes differs from the one that program.sh lays out here: build-stage.sh FOLDER. It works in the
# cache of build.sh, which has run before.
set -euo pipefail
[ -n "${IN_NAMESPACE-}" ] || IN_NAMESPACE=1 exec unshare --mount --propagation private -- "$0" "$@"
work=$(readlink -f "${1:?usage: build-stage.sh FOLDER}")
checkout=$(readlink -f "$(dirname "$0")/../..")
here=$checkout/tools/image
arch=$(dpkg --print-architecture)
release=bookworm
home=$(echo "${OPEN_LOCAL_CACHE:?}"/image/*/store)
home=${home%/store}
export SOURCE_DATE_EPOCH=0
. "$here/debian.sh"

# What node:24-bookworm-slim is.
builder=$work/builder
mkdir -p "$builder/usr/local/bin" "$builder/usr/local/lib/node_modules"
cp "$(readlink -f "$checkout/node_modules/.bin/node")" "$builder/usr/local/bin/node"
cp -r "$(npm root --global)/npm" "$builder/usr/local/lib/node_modules/npm"
ln -s ../lib/node_modules/npm/bin/npm-cli.js "$builder/usr/local/bin/npm"
container=$(store from localhost/base)
store add --quiet "$container" "$builder" / > /dev/null
store commit --quiet --rm "$container" localhost/builder > /dev/null

mirror=()
for file in "$(npm config get userconfig)" /etc/ssl/certs; do
  [ ! -e "$file" ] || mirror+=(--volume "$file:$( [ -d "$file" ] && echo "$file" || echo /root/.npmrc):ro")
done
quietly store bud --isolation chroot --network host --format oci --timestamp 0 "${mirror[@]}" \
  --volume "$(npm config get cache):/root/.npm" --build-arg BUILDER=localhost/builder --target build --tag localhost/built \
  --ignorefile "$checkout/.dockerignore" --file "$checkout/Dockerfile" "$checkout"

root=$(store mount "$(store from localhost/built)")
"$here/program.sh" "$work/program"
list() { (cd "$1" && find . -printf '%P %M %l\n' | sort && find . -type f -print0 | sort -z | xargs -0 sha256sum); }
diff <(list "$root/program") <(list "$work/program") || true
