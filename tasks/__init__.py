"""The Celery side: every job is a task here, and every task is thin.

`celery -A tasks worker|beat` finds the app through this module.
"""

from tasks.app import app as celery

__all__ = ["celery"]
