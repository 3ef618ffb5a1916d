"""Can this host render, and as fast as it could?"""

import sys
from contextlib import redirect_stdout
from functools import cache


def renderer_health() -> list[str]:
    """What is missing or slow, one sentence each with its cure; empty where all is well."""
    if missing := _load_fault():
        cure = "apt-get install libpango-1.0-0 libpangoft2-1.0-0, and the extra `worker` (docs/wheel.md)"
        return [f"WeasyPrint cannot be loaded ({missing}): {cure}."]
    from weasyprint.text import ffi  # noqa: PLC0415 - it can be loaded

    from mailworker.invoices.weasyprint.faster_layout import unfitting  # noqa: PLC0415 - it loads WeasyPrint

    if getattr(ffi, "harfbuzz_subset", None) is None:
        return [
            "libharfbuzz-subset0 is missing, so invoices render slowly: apt-get install libharfbuzz-subset0."
        ]
    if not (other := unfitting()):
        return []
    return [
        (
            f"Invoices render slower than they could: {', '.join(other)}. The pages are the same; pip "
            "install -r requirements.lock brings the versions that mailworker's shortcuts are written for."
        )
    ]


def can_load() -> bool:
    """Whether WeasyPrint and its libraries are here at all."""
    return not _load_fault()


@cache
def _load_fault() -> str:
    """Why WeasyPrint cannot be loaded; empty where it can.

    Tried once: an import that failed leaves parts of the package behind, and the next fails of these.
    """
    try:
        with redirect_stdout(sys.stderr):  # it prints a banner where a library is missing
            import weasyprint.text.ffi  # noqa: F401, PLC0415 - the import itself is the question
    except (OSError, ImportError) as missing:
        return str(missing) or type(missing).__name__
    return ""
