# One image for every worker, beat, Flower and the webhook; docker-compose.yml says which is which.
#
# Pinned by exact version. To pin by digest as well:
#   docker buildx imagetools inspect python:3.11.14-slim-bookworm --format '{{.Manifest.Digest}}'
#   docker compose build --build-arg BASE=python:3.11.14-slim-bookworm@sha256:...
ARG BASE=python:3.11.14-slim-bookworm
FROM ${BASE}

# Pango draws invoices; without libharfbuzz-subset0 they take 2.4 times as long.
RUN apt-get update \
    && apt-get install -y --no-install-recommends libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0 \
    && rm -rf /var/lib/apt/lists/*

WORKDIR /srv/mailworker
COPY requirements.image.lock ./
# Every package by its hash: what was not locked is not installed.
RUN pip install --no-cache-dir --require-hashes -r requirements.image.lock

COPY pyproject.toml README.md LICENSE crm_config.yaml ./
COPY deploy deploy
COPY docs docs
COPY examples examples
COPY mailworker mailworker
COPY tasks tasks
# Where there is no git, this is the version that `mailworker --version` tells.
ARG VERSION=0.2.0
RUN SETUPTOOLS_SCM_PRETEND_VERSION=${VERSION} \
        pip install --no-cache-dir --no-deps --no-build-isolation . \
    && rm -rf mailworker examples docs deploy crm_config.yaml \
    && useradd --system --create-home --uid 10001 mailworker \
    && install -d -m 0700 -o mailworker -g mailworker var

# Python's own images come without compiled files, and nothing is written here later: each start would compile anew.
RUN python -m compileall -q -x '/(test|idlelib|lib2to3|(site|dist)-packages)/' \
        "$(python -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')" tasks

USER mailworker
# On SIGTERM a worker finishes the call in hand and gives the rest back. What it writes is for its user alone.
# Fontconfig looks for a cache that it may write, and complains on each start where there is none.
ENV LOG_FORMAT=json PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 XDG_CACHE_HOME=/tmp
VOLUME /srv/mailworker/var
CMD ["mailworker", "--help"]
