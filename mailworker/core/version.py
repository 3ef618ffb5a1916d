"""Which version this is."""

from importlib.metadata import PackageNotFoundError, version

#: The name under which pip knows us.
DISTRIBUTION = "omnicrm-mailworker"


def _installed() -> str:
    try:
        return version(DISTRIBUTION)
    except PackageNotFoundError:
        return "unknown"


#: Of the installed package; `unknown` in a checkout that nobody installed.
VERSION = _installed()
