"""What a worker reports of itself when it is asked: with which configuration and version it started."""

from typing import Any

from celery.worker.control import inspect_command

from mailworker.config.settings import config_path, fingerprint
from mailworker.core.version import VERSION

#: Taken when the worker starts: its settings are of that moment too.
_STARTED_WITH = {"configuration": fingerprint(config_path()), "version": VERSION}


@inspect_command()
def mailworker_about(_state: Any) -> dict[str, str]:
    """Report it. `mailworker doctor` asks every worker, and names those that run with an older file."""
    return dict(_STARTED_WITH)
