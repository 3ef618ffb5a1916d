"""Celery tasks that do nothing: what Celery itself can carry."""

from tests.benchmarks.rivals.settings import celery_app

app = celery_app("plain")


@app.task(name="plain.send")
def send(number: int, email: str) -> None:
    """Nothing."""
