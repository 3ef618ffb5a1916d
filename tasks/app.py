"""`tasks.app:app`, the Celery app's public address in a checkout and in the image."""

from mailworker.tasks.app import app

__all__ = ["app"]
