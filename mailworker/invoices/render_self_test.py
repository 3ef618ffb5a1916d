"""Can this host render, and as fast as it could?"""

import sys
from contextlib import redirect_stdout


def renderer_health() -> list[str]:
    """What is missing or slow, one sentence each with its cure; empty where all is well."""
    try:
        with redirect_stdout(sys.stderr):  # WeasyPrint prints a banner where a library is missing
            from weasyprint.text import ffi  # noqa: PLC0415 - the import itself is what may fail
    except (OSError, ImportError) as missing:
        cure = "apt-get install libpango-1.0-0 libpangoft2-1.0-0, and install mailworker[worker]"
        return [f"WeasyPrint cannot be loaded ({missing}): {cure}."]
    if getattr(ffi, "harfbuzz_subset", None) is None:
        return [
            "libharfbuzz-subset0 is missing, so invoices render slowly: apt-get install libharfbuzz-subset0."
        ]
    return _shortcuts()


def can_load() -> bool:
    """Whether WeasyPrint and its libraries are here at all."""
    try:
        with redirect_stdout(sys.stderr):
            import weasyprint.text  # noqa: F401, PLC0415 - the import itself is the question
    except (OSError, ImportError):
        return False
    return True


def _shortcuts() -> list[str]:
    """Whether our faster functions fit the WeasyPrint and the libraries that are here."""
    from mailworker.invoices.weasyprint.faster_layout import unfitting  # noqa: PLC0415 - it loads WeasyPrint

    other = unfitting()
    if not other:
        return []
    return [
        (
            f"Invoices render slower than they could: {', '.join(other)}. The pages are the same; pip "
            "install -r requirements.lock brings the versions that mailworker's shortcuts are written for."
        )
    ]
