"""What a worker reports of itself when it is asked: its host's clock, and with what it started."""

from typing import Any

from celery.worker.control import inspect_command

from mailworker.config.settings import config_path, fingerprint, key_fingerprint, load_settings
from mailworker.core.clock import utc_now
from mailworker.core.version import VERSION
from mailworker.errors import ConfigError


def _mailjet_key() -> str:
    try:
        return key_fingerprint(load_settings())
    except ConfigError:  # its tasks say so
        return ""


#: Taken when the worker starts: its settings are of that moment too.
_STARTED_WITH = {
    "configuration": fingerprint(config_path()),
    "mailjet_key": _mailjet_key(),
    "version": VERSION,
}


@inspect_command()
def mailworker_about(_state: Any) -> dict[str, str]:
    """Report it. `mailworker doctor` asks every worker, and names those that run with an older file."""
    return _STARTED_WITH | {"clock": utc_now().isoformat()}
