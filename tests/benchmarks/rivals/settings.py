"""What the rivals' workers are told through the environment, Celery apps that are set up alike, and a pace."""

import os
import time

from celery import Celery
from redis import Redis

RATE = "200/m"
#: 200 calls a minute, evenly.
_SPACING_MS = 300
_NAP_SECONDS = 0.005
_REDIS_URL = os.environ.get("REDIS_URL", "redis://127.0.0.1:1/0")
API_URL = os.environ.get("RIVAL_API_URL", "http://127.0.0.1:1/")
KEY, SECRET = "simulator-key", "simulator-secret"
SENDER = {"Email": "bonjour@horizon-telecom.example", "Name": "Horizon Télécom"}
TEMPLATE_ID = 4711


_redis = Redis.from_url(_REDIS_URL, protocol=2)


def wait_for_turn() -> None:
    """Keep the pace that all processes share: one call for each key that Redis forgets again."""
    while not _redis.set("turn", 1, nx=True, px=_SPACING_MS):
        time.sleep(_NAP_SECONDS)


def celery_app(name: str) -> Celery:
    """A Celery app on the same Redis, as ours late to acknowledge and without results."""
    app = Celery(name, broker=_REDIS_URL)
    app.conf.update(
        task_ignore_result=True,
        task_acks_late=True,
        task_default_queue=name,
        broker_connection_retry_on_startup=True,
    )
    return app
