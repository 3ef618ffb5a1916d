"""`celery -A tasks worker|beat|flower` from a checkout or in the image: the app of `mailworker.tasks`.

The wheel leaves this name to whoever installs it; there it is `celery -A mailworker.tasks`.
"""

from mailworker.tasks.app import app as celery

__all__ = ["celery"]
