#!/usr/bin/env bash
# A base image of Debian's own Python, made from Debian's mirror, for where no container registry can be reached.
# As root on Debian; installs buildah and debootstrap where they are missing.
set -euo pipefail

image=localhost/batteries-base
suite=${DEBIAN_SUITE:-bookworm}
mirror=${DEBIAN_MIRROR:-http://deb.debian.org/debian}
if [ "$(id -u)" != 0 ]; then
  echo "debootstrap needs root. Run this as root, or give 'make image' a base that can be pulled." >&2
  exit 1
fi
if ! command -v buildah >/dev/null || ! command -v debootstrap >/dev/null; then
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends buildah debootstrap >/dev/null
fi
export STORAGE_DRIVER=${STORAGE_DRIVER:-vfs}
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
debootstrap --variant=minbase --include=python3,python3-venv,ca-certificates "$suite" "$root" "$mirror" >"$root.log" ||
  { tail -5 "$root.log" >&2; exit 1; }
rm -rf "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/*
container=$(buildah from scratch)
buildah add --quiet "$container" "$root" / >/dev/null
buildah config --env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$container"
buildah commit --quiet --rm "$container" "$image" >/dev/null
rm -f "$root.log"
echo "Made $image. Next, with the machine's certificates: STORAGE_DRIVER=$STORAGE_DRIVER BUILDAH_ISOLATION=chroot \\"
echo "  make image IMAGE_TOOL=buildah IMAGE_BASE=$image IMAGE_ARGS='--volume /etc/ssl/certs:/etc/ssl/certs:ro'"
