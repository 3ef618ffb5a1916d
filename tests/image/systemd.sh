#!/usr/bin/env bash
# A machine with systemd as its first process, out of our image: what docs/systemd.md needs from Debian is there already.
# Usage: systemd.sh name-of-the-image
set -euo pipefail
cd "$(dirname "$0")/../.."
made=$(buildah from --pull-never docker.io/library/mailworker:latest)
buildah run --user root --network host "$made" -- sh -c '
    apt-get update -qq
    apt-get install -y -qq --no-install-recommends systemd systemd-sysv dbus redis-server procps >/dev/null
    userdel mailworker
    mkdir -p /opt/mailworker/bin
    for program in celery mailworker; do ln -s "$(command -v $program)" /opt/mailworker/bin/; done' >/dev/null 2>&1
buildah copy --quiet "$made" deploy /root/checkout/deploy >/dev/null
buildah copy --quiet "$made" crm_config.yaml /root/checkout/crm_config.yaml >/dev/null
buildah config --user root --workingdir /root/checkout --entrypoint '[]' --cmd /sbin/init --env LOG_FORMAT- "$made"
buildah commit --quiet "$made" "$1" >/dev/null
buildah rm "$made" >/dev/null
