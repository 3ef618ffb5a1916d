"""Rendering with limits that hold: each worker keeps one rendering process, and kills it when it must."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from shutil import rmtree
from tempfile import mkdtemp
from typing import Any, Self

from mailworker.config.invoice import InvoiceSettings
from mailworker.errors import BadInput, MailworkerError, Misconfigured, RenderFailed
from mailworker.invoices.render_process.result import RenderedInvoice

#: How long a fresh rendering process may take to load WeasyPrint, in seconds.
_START = 60.0
#: What a fresh process needs to find its libraries and fonts. All else of ours, secrets first, stays here.
_PASSED = ("LD_LIBRARY_PATH", "PYTHONPATH", "FONTCONFIG_FILE", "FONTCONFIG_PATH", "XDG_CACHE_HOME", "HOME")
_ERRORS: dict[str, type[MailworkerError]] = {"RenderFailed": RenderFailed, "Misconfigured": Misconfigured}


class _RenderProcess:
    """One rendering process with our end of its pipe."""

    def __init__(self, settings: InvoiceSettings) -> None:
        self.owner = os.getpid()
        self.renders = 0
        self.conn, theirs = Pipe()
        self.scratch = mkdtemp(prefix="mailworker-render-")
        module = "mailworker.invoices.render_process.child"
        # A session of its own: Ctrl-C and a pool's warm shutdown let it finish; our end closing ends it.
        self.process = subprocess.Popen(  # noqa: S603 - a fixed command
            [sys.executable, "-m", module, str(theirs.fileno()), self.scratch],
            pass_fds=(theirs.fileno(),),
            stdin=subprocess.DEVNULL,
            stdout=sys.__stderr__,  # a library's banner must not stand in what a command answers
            start_new_session=True,
            env={name: os.environ[name] for name in _PASSED if name in os.environ},
        )
        theirs.close()
        try:
            # Where PDFs are kept is none of its business, and may be a URL with a password.
            self.conn.send_bytes(settings.model_copy(update={"store": ""}).model_dump_json().encode())
            _raise(json.loads(_receive(self.conn, _START)))
        except (EOFError, OSError, TimeoutError):
            self.kill()
            raise Misconfigured("The rendering process does not start: run `mailworker doctor`.") from None
        except MailworkerError:
            self.kill()
            raise

    def render(self, request: bytes, seconds: float) -> tuple[dict[str, Any], bytes]:
        """The answer's head and the PDF; TimeoutError or EOFError where none comes."""
        self.renders += 1
        self.conn.send_bytes(request)
        head = json.loads(_receive(self.conn, seconds))
        return head, self.conn.recv_bytes()

    def worn(self, most: int) -> bool:
        """Whether it has done its share, or died since its last answer."""
        return self.renders >= most or self.process.poll() is not None

    def kill(self) -> None:
        """End it at once. A process that we forked after its start leaves it to its owner."""
        self.conn.close()
        if self.owner == os.getpid():
            self.process.kill()
            self.process.wait()
            rmtree(self.scratch, ignore_errors=True)


class InvoiceRenderer:
    """Turns OmniCRM's invoice JSON into a PDF, in a process of its own that no invoice can outlast.

    Make one per worker process and keep it: the first render starts the rendering process (half a second),
    later ones find it warm. Over `limits.seconds` or `limits.memory_bytes`, that process is killed, this
    invoice fails with RenderFailed, and the next one gets a fresh process. Safe in a forked pool, even when
    the renderer itself was made before the fork. Not for threads.
    """

    def __init__(self, settings: InvoiceSettings) -> None:
        self.settings = settings
        self._process: _RenderProcess | None = None

    def render(
        self, invoice: Mapping[str, Any] | Any, *, language: str | None = "", small: bool = False
    ) -> RenderedInvoice:
        """Render one invoice.

        `language` is a tag such as fr or en-GB; empty: the invoice's own, else `invoice.language`. `small`
        leaves call detail to the portal and shrinks pictures. BadInput names every fault in the data;
        RenderFailed names what template, limit or asset stood in the way; Misconfigured that this host
        cannot render at all.
        """
        if not isinstance(invoice, Mapping):
            raise BadInput("The invoice must be a JSON object.")
        request = {"invoice": dict(invoice), "language": language, "small": small}
        head, pdf = self._render(json.dumps(request, default=str).encode())
        _raise(head)
        return RenderedInvoice(
            pdf=pdf, filename=head["filename"], sha256=head["sha256"], warnings=tuple(head["warnings"])
        )

    def _render(self, request: bytes) -> tuple[dict[str, Any], bytes]:
        limits = self.settings.limits
        try:
            head, pdf = self._warm().render(request, limits.seconds)
        except TimeoutError:
            self.close()
            raise RenderFailed(
                f"The invoice took longer than {limits.seconds:g} s to render (invoice.limits.seconds)."
            ) from None
        except (EOFError, OSError):
            head, pdf = {"error": "memory"}, b""  # killed from outside, or by a library that cannot go on
        except BaseException:
            self.close()  # an answer to this request must never be taken for the next one's
            raise
        if head.get("error") == "memory":
            self.close()
            raise RenderFailed(
                "The rendering process ended in the middle of this invoice, most likely for want of memory: "
                f"it may take {limits.memory_bytes} bytes (invoice.limits.memory_bytes)."
            )
        return head, pdf

    def _warm(self) -> _RenderProcess:
        """This very process's rendering process; a fresh one after a fork or when the old one is worn."""
        process = self._process
        if process and (process.owner != os.getpid() or process.worn(self.settings.limits.renders)):
            self.close()
        if self._process is None:
            self._process = _RenderProcess(self.settings)
        return self._process

    def close(self) -> None:
        """End the rendering process; the next render starts another."""
        if self._process:
            with suppress(OSError):
                self._process.kill()
        self._process = None

    def __del__(self) -> None:
        self.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()


def _receive(conn: Connection, seconds: float) -> bytes:
    if not conn.poll(seconds):
        raise TimeoutError
    return conn.recv_bytes()


def _raise(head: Mapping[str, Any]) -> None:
    """Raise the error that an answer names, if it does."""
    error = head.get("error")
    if error == "BadInput":
        raise BadInput(head["faults"])
    if error in _ERRORS:
        raise _ERRORS[error](" ".join(head["faults"]))
