# One image for every worker, beat, Flower and the webhook; docker-compose.yml says which is which.
FROM python:3.11-slim-bookworm

# Pango draws invoices; without libharfbuzz-subset0 they take 2.4 times as long.
RUN apt-get update \
    && apt-get install -y --no-install-recommends libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0 \
    && rm -rf /var/lib/apt/lists/*

WORKDIR /srv/mailworker
COPY pyproject.toml README.md LICENSE requirements.lock ./
COPY mailworker mailworker
COPY tasks tasks
RUN pip install --no-cache-dir --constraint requirements.lock ".[worker,flower]" \
    && rm -rf mailworker \
    && useradd --system --create-home --uid 10001 mailworker \
    && install -d -o mailworker -g mailworker var

USER mailworker
# On SIGTERM a worker finishes the call in hand and gives the rest back.
ENV LOG_FORMAT=json PYTHONUNBUFFERED=1
VOLUME /srv/mailworker/var
CMD ["mailworker", "--help"]
