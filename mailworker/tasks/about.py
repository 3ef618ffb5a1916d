"""What a worker says of itself when it is asked: with which configuration and version it started."""

from importlib.metadata import PackageNotFoundError, version
from typing import Any

from celery.worker.control import inspect_command

from mailworker.config.settings import config_path, fingerprint


def _version() -> str:
    try:
        return version("mailworker")
    except PackageNotFoundError:  # a checkout that nobody installed
        return ""


#: Taken when the worker starts: its settings are of that moment too.
_STARTED_WITH = {"configuration": fingerprint(config_path()), "version": _version()}


@inspect_command()
def mailworker_about(_state: Any) -> dict[str, str]:
    """Say it. `mailworker doctor` asks every worker, and names those that run with an older file."""
    return dict(_STARTED_WITH)
