"""The Celery side: every job is a task here, and every task is thin.

`celery -A mailworker.tasks worker|beat` finds the app through this module.
"""

from mailworker.tasks.app import app as celery

__all__ = ["celery"]
