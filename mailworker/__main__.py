"""The `mailworker` command, also as `python -m mailworker`."""

import sys


def main() -> None:
    """Run the command line; where only the client is installed, say what is missing."""
    try:
        from mailworker.cli import main as run  # noqa: PLC0415 - needs packages that a client may not have
    except ModuleNotFoundError as missing:
        if (missing.name or "").partition(".")[0] == "mailworker":
            raise
        sys.stderr.write(
            f"The command line needs the worker's packages ({missing.name} is missing): "
            "pip install '.[worker,demo]' in a checkout. A client needs none of them.\n"
        )
        raise SystemExit(2) from None
    run()


if __name__ == "__main__":
    main()
