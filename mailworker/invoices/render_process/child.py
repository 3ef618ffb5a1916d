"""The rendering process: reads requests from a pipe, prints, answers, and dies of its own limits only.

Run as `python -m mailworker.invoices.render_process.child FD FOLDER`. It is started fresh, never forked, so
that no thread, lock or font map of the worker comes along; and it can be killed in the middle of anything.
"""

import gc
import json
import signal
import sys
import tempfile
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from mailworker.config.invoice import InvoiceSettings
from mailworker.errors import BadInput, MailworkerError, Misconfigured, RenderFailed
from mailworker.invoices.render_process.confinement import confine, limit_memory
from mailworker.invoices.render_process.result import RenderedInvoice

#: How long after its worker should have ended it a render ends by itself, in seconds.
_GRACE = 5.0

Printer = Callable[[dict[str, Any]], RenderedInvoice]


def make_printer(settings: InvoiceSettings) -> Printer:
    """Load WeasyPrint and our templates; Misconfigured where the host lacks what they need."""
    try:
        from mailworker.invoices.json_to_pdf import InvoicePrinter  # noqa: PLC0415 - a missing library has to become an answer
    except OSError as missing:
        raise Misconfigured(
            f"WeasyPrint cannot load its libraries ({missing}): install libpango-1.0-0, libpangoft2-1.0-0 "
            "and libharfbuzz-subset0."
        ) from None
    invoices = InvoicePrinter(settings)

    def printer(request: dict[str, Any]) -> RenderedInvoice:
        return invoices.print(request["invoice"], language=request["language"], small=request["small"])

    return printer


def answer(printer: Printer, request: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
    """One request's answer: a head, and the PDF. A failure is named by the error's class."""
    try:
        made = printer(request)
    except MemoryError:
        return {"error": "memory"}, b""
    except RecursionError:
        return {"error": "RenderFailed", "faults": ["The invoice template nests its boxes too deeply."]}, b""
    except MailworkerError as failed:
        return error_answer(failed), b""
    except Exception as error:  # noqa: BLE001 - WeasyPrint's own defects fail this invoice, not the process
        return error_answer(RenderFailed(f"WeasyPrint cannot draw this page ({error_location(error)}).")), b""
    return {"filename": made.filename, "sha256": made.sha256, "warnings": made.warnings}, made.pdf


def error_location(error: Exception) -> str:
    """An error's kind, file and line; its text may hold personal values, and is left out."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} at {Path(frame.filename).name}:{frame.lineno}"


def error_answer(failed: MailworkerError) -> dict[str, Any]:
    """An error as JSON."""
    faults = list(failed.faults) if isinstance(failed, BadInput) else [str(failed)]
    known = (BadInput, RenderFailed, Misconfigured)
    name = next((kind.__name__ for kind in known if isinstance(failed, kind)), "RenderFailed")
    return {"error": name, "faults": faults}


def serve(conn: Connection, scratch: Path) -> None:
    """Answer requests until the worker closes its end. The first message is the settings.

    `scratch` is the only folder in which this process may write; the worker made it, and removes it.
    """
    tempfile.tempdir = str(scratch)
    settings = InvoiceSettings.model_validate_json(conn.recv_bytes())
    limit_memory(settings.limits.memory_bytes)
    try:
        printer = make_printer(settings)
    except MailworkerError as failed:
        conn.send_bytes(json.dumps(error_answer(failed)).encode())
        return
    confine([folder for folder in (settings.template_dir, settings.assets) if folder], scratch)
    gc.collect()
    gc.freeze()  # what is loaded now stays: no collection needs to look at it again
    conn.send_bytes(b'{"ready": true}')
    while True:
        request = json.loads(conn.recv_bytes())
        _end_by_itself_after(settings.limits.seconds + _GRACE)
        head, pdf = answer(printer, request)
        _end_by_itself_after(0)
        conn.send_bytes(json.dumps(head).encode())
        conn.send_bytes(pdf)


def _end_by_itself_after(seconds: float) -> None:
    """Have the kernel end this process where nobody is left to do so; 0 takes that back."""
    signal.setitimer(signal.ITIMER_REAL, seconds)


def main() -> None:
    """Serve the pipe whose descriptor is the first argument; the second is a folder to write in."""
    try:
        serve(Connection(int(sys.argv[1])), Path(sys.argv[2]))
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return  # the worker is gone or wants a fresh process


if __name__ == "__main__":
    main()
