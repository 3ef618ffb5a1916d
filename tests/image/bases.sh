#!/usr/bin/env bash
# Stand-ins for the three public images, out of Debian's packages, for a machine that reaches no registry of images.
# Each bears the name that Dockerfile and docker-compose.yml ask for, and behaves as the original where they rely on it.
# Usage: bases.sh python-image redis-image postgres-image
set -euo pipefail
python_image=$1 redis_image=$2 postgres_image=$3
mirror=${DEBIAN_MIRROR:-http://deb.debian.org/debian}
cache=${XDG_CACHE_HOME:-$HOME/.cache}/mailworker-image
root=$cache/bookworm
mkdir -p "$cache"

# Made by this very script: an older one's images are made anew.
recipe=$(sha256sum "$0" | cut -c1-16)
have() {
    local found
    found=$(buildah inspect --type image --format '{{index .OCIv1.Config.Labels "recipe"}}' "$1" 2>/dev/null) || return 1
    [ "$found" = "$recipe" ]
}

if [ ! -e "$root/.done" ]; then
    rm -rf "$root"
    debootstrap --variant=minbase \
        --include=ca-certificates,python3,python3-pip,python3-venv,python-is-python3 bookworm "$root" "$mirror" >"$cache/log"
    # As in the official image, pip installs where it is.
    rm -f "$root"/usr/lib/python3*/EXTERNALLY-MANAGED
    touch "$root/.done"
fi

if ! have "$python_image"; then
    made=$(buildah from scratch)
    buildah copy --quiet "$made" "$root" / >/dev/null
    buildah config --label "recipe=$recipe" --env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$made"
    buildah commit --quiet "$made" "$python_image" >/dev/null
    buildah rm "$made" >/dev/null
fi

if ! have "$redis_image"; then
    made=$(buildah from "$python_image")
    buildah run --network host "$made" -- sh -c '
        apt-get update -qq && apt-get install -y -qq --no-install-recommends redis-server >/dev/null
        ln -s /usr/bin/redis-server /usr/local/bin/valkey-server
        ln -s /usr/bin/redis-cli /usr/local/bin/valkey-cli
        install -d -o redis -g redis /data
        printf "%s\n" "#!/bin/sh" "set -e" \
            "if [ \"\$(id -u)\" = 0 ]; then" \
            "    find . ! -user redis -exec chown redis {} +" \
            "    exec setpriv --reuid redis --regid redis --clear-groups \"\$0\" \"\$@\"" \
            "fi" "exec \"\$@\"" >/usr/local/bin/docker-entrypoint.sh
        chmod 755 /usr/local/bin/docker-entrypoint.sh' >/dev/null
    buildah config --label "recipe=$recipe" --workingdir /data --volume /data --entrypoint '["docker-entrypoint.sh"]' --cmd valkey-server "$made"
    buildah commit --quiet "$made" "$redis_image" >/dev/null
    buildah rm "$made" >/dev/null
fi

if ! have "$postgres_image"; then
    made=$(buildah from "$python_image")
    buildah run --network host "$made" -- sh -c '
        mkdir -p /etc/postgresql-common
        echo "create_main_cluster = false" >/etc/postgresql-common/createcluster.conf
        apt-get update -qq && apt-get install -y -qq --no-install-recommends postgresql >/dev/null
        ln -s /usr/lib/postgresql/*/bin/* /usr/local/bin/ 2>/dev/null || true
        install -d -o postgres -g postgres -m 0700 /var/lib/postgresql/data
        install -d -o postgres -g postgres -m 3777 /run/postgresql
        printf "%s\n" "#!/bin/sh" "set -e" "export PGDATA=/var/lib/postgresql/data" \
            "if [ \"\$(id -u)\" = 0 ]; then" \
            "    chown postgres \$PGDATA /run/postgresql; chmod 700 \$PGDATA" \
            "    exec setpriv --reuid postgres --regid postgres --clear-groups \"\$0\" \"\$@\"" \
            "fi" \
            "if [ ! -s \$PGDATA/PG_VERSION ]; then" \
            "    echo \"\$POSTGRES_PASSWORD\" >/tmp/pw" \
            "    initdb -U \"\$POSTGRES_USER\" --pwfile=/tmp/pw --auth-local=trust --auth-host=scram-sha-256 -E UTF8 --locale=C.UTF-8 >/dev/null" \
            "    rm /tmp/pw; echo \"host all all all scram-sha-256\" >>\$PGDATA/pg_hba.conf" \
            "    pg_ctl -w start -o \"-c listen_addresses=\" >/dev/null" \
            "    PGPASSWORD=\$POSTGRES_PASSWORD psql -qU \"\$POSTGRES_USER\" -d postgres -c \"CREATE DATABASE \$POSTGRES_DB\"" \
            "    pg_ctl -w stop >/dev/null" \
            "fi" "exec \"\$@\"" >/usr/local/bin/docker-entrypoint.sh
        chmod 755 /usr/local/bin/docker-entrypoint.sh' >/dev/null
    buildah config --label "recipe=$recipe" --stop-signal SIGINT --volume /var/lib/postgresql/data --entrypoint '["docker-entrypoint.sh"]' \
        --cmd '["postgres", "-c", "listen_addresses=*"]' "$made"
    buildah commit --quiet "$made" "$postgres_image" >/dev/null
    buildah rm "$made" >/dev/null
fi
