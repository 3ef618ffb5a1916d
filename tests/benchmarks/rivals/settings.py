"""What the rivals' workers are told through the environment, and Celery apps that are set up alike."""

import os

from celery import Celery

RATE = "200/m"
API_URL = os.environ.get("RIVAL_API_URL", "http://127.0.0.1:1/")
KEY, SECRET = "simulator-key", "simulator-secret"
SENDER = {"Email": "bonjour@horizon-telecom.example", "Name": "Horizon Télécom"}
TEMPLATE_ID = 4711


def celery_app(name: str) -> Celery:
    """A Celery app on the same Redis, as ours late to acknowledge and without results."""
    app = Celery(name, broker=os.environ.get("REDIS_URL", "redis://127.0.0.1:1/0"))
    app.conf.update(
        task_ignore_result=True,
        task_acks_late=True,
        task_default_queue=name,
        broker_connection_retry_on_startup=True,
    )
    return app
