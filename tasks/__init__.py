"""The Celery side: every job is a task here, and every task is thin."""
