#!/usr/bin/env bash
# What `make image-test` needs from Debian; where it cannot be had, that is said aloud and ends with 1.
set -euo pipefail
need=(buildah podman debootstrap runc netavark aardvark-dns catatonit iptables)
missing=()
for tool in buildah podman debootstrap runc catatonit iptables; do command -v "$tool" >/dev/null || missing+=("$tool"); done
[ ${#missing[@]} = 0 ] && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq && apt-get install -y -qq --no-install-recommends "${need[@]}" >/dev/null && exit 0
fi
echo "THE IMAGE WAS NOT TESTED: ${missing[*]} are missing, and only root on a Debian can install them." >&2
exit 1
