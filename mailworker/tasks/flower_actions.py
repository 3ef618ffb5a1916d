"""Flower looks, and does nothing: its password opens a viewer, not a way to send any mail or stop workers.

Flower has no such setting, so the routes of its API that act are taken out before it starts. Whoever needs
them sets FLOWER_ACTIONS=true, and guards that password like the keys of Mailjet.
"""

import os
import sys
from collections.abc import Mapping
from typing import Any

#: What Flower's API may answer: lists, lengths and single tasks.
_VIEWS = (
    r"/api/workers",
    r"/api/tasks",
    r"/api/task/types",
    r"/api/queues/length",
    r"/api/task/info/(.*)",
)


def viewing(routes: list[Any]) -> list[Any]:
    """The routes without those of the API that act, or give a task's result."""
    return [route for route in routes if not _pattern(route).startswith("/api/") or _pattern(route) in _VIEWS]


def leave_to_view(arguments: list[str] = sys.argv, environ: Mapping[str, str] = os.environ) -> None:
    """Take the acting routes away where this process is `celery ... flower`."""
    if "flower" not in arguments[1:] or environ.get("FLOWER_ACTIONS", "").lower() == "true":
        return
    from flower import urls  # noqa: PLC0415 - only where it runs, and is installed

    urls.handlers[:] = viewing(urls.handlers)


def _pattern(route: Any) -> str:
    return str(route[0] if isinstance(route, tuple) else route.regex.pattern)
