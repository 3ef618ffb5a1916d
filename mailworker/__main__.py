"""The `mailworker` command, also as `python -m mailworker`."""

import atexit
import gc
import os
import sys
from types import ModuleType
from typing import cast


def main() -> None:
    """Run the command line; where only the client is installed, print what is missing."""
    _start_quickly()
    try:
        from mailworker.cli import main as run  # noqa: PLC0415 - needs packages that a client may not have
    except ModuleNotFoundError as missing:
        if (missing.name or "").partition(".")[0] == "mailworker":
            raise
        sys.stderr.write(
            f"The command line needs the worker's packages ({missing.name} is missing): "
            "pip install '.[worker,demo]' in a checkout, or 'FILE.whl[worker,demo]' with the wheel's path. "
            "A client needs none of them.\n"
        )
        raise SystemExit(2) from None
    run()


def _start_quickly() -> None:
    """Spare a command what it does not need: it lives for a moment, and makes little garbage meanwhile.

    Python would look for garbage among modules that it just loaded, and once more among all of them at
    the end; and pydantic for plugins in each installed distribution. Together a quarter of a start. A
    command that runs for long still has its garbage collected: no start makes a million objects.
    Redis's client loads OpenTelemetry wherever it is installed; only who asks for traces waits for that.
    Babel prefers pytz where that is installed, as it is with Flower, and looks for all of its zones' files;
    without it, it uses Python's own zones.
    """
    gc.set_threshold(1_000_000)
    atexit.register(gc.freeze)
    traced = any(name.startswith("OTEL_") for name in os.environ)
    for name in ("pytz",) if traced else ("pytz", "opentelemetry.metrics"):
        sys.modules.setdefault(name, cast("ModuleType", None))
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")


if __name__ == "__main__":
    main()
