"""How a call leaves: once, within its time, and with certainty about whether it left.

mailjet-rest mounts an adapter that repeats POSTs up to three times after 429, 5xx and read time-outs,
on https only. Each repetition may be a second e-mail, and none of them passes our rate limit. The
adapter here replaces it on both schemes.
"""

import io
import ssl
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import Any, cast

import requests
from requests.adapters import HTTPAdapter
from requests.utils import DEFAULT_CA_BUNDLE_PATH
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError, NameResolutionError, ReadTimeoutError
from urllib3.exceptions import SSLError as TlsError

from mailworker.errors import Unreachable

#: A kept connection that was idle for longer is replaced, in seconds: proxies and firewalls drop idle
#: ones, often silently, and a message sent into a dead one is an unknown outcome.
MAX_IDLE = 10.0
#: No answer is read further: a few bytes may unpack to more than a worker's memory.
MOST_BYTES = 64_000_000


#: OpenSSL's numbers of what is wrong with a certificate that somebody we trust did sign.
_CERTIFICATES = {
    9: "its certificate is not valid yet",
    10: "its certificate has expired",
    62: "its certificate is for another name",
    64: "its certificate is for another address",
}


def _words(error: Exception) -> str:
    if "Tunnel connection failed" in str(error):
        return "the proxy refuses to connect to it" + (
            ": it wants a password" if " 407" in str(error) else ""
        )
    if isinstance(error, NameResolutionError):
        return "its name was not resolved"
    if isinstance(error, ssl.SSLCertVerificationError):
        return _CERTIFICATES.get(error.verify_code, "its certificate is not trusted")
    if isinstance(error, ssl.SSLError | TlsError):
        return "the TLS handshake failed"
    return type(error.__cause__ or error).__name__


def _reach(connect: Callable[[], None]) -> None:
    """Whatever fails while connecting is Unreachable: not a byte of the message has left."""
    try:
        connect()
    except (HTTPError, HTTPException, OSError) as error:
        words = _words(error)
    else:
        return
    raise Unreachable(f"Mailjet could not be reached: {words}.")


class _WithinTimeout(io.RawIOBase):
    """What a socket still gives within its own time-out from now on, all reads together."""

    def __init__(self, raw: Any, sock: Any) -> None:
        self._raw, self._socket = raw, sock
        self._deadline = time.monotonic() + sock.gettimeout()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._socket.settimeout(left)
        return cast("int | None", self._raw.readinto(buffer))

    def close(self) -> None:
        self._raw.close()
        super().close()


class _TimedResponse(HTTPResponse):
    """An answer, head and body, within the read time-out.

    http.client bounds only the silence between two packets, and a slow drip would hold a worker for hours.
    """

    def __init__(self, sock: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp = io.BufferedReader(_WithinTimeout(self.fp.detach(), sock))

    def begin(self) -> None:
        """Read the head of the final answer: interim ones (1xx, RFC 9110 section 15.2) say nothing yet.

        http.client passes over 100 alone, and would leave the final answer to the next call.
        """
        super().begin()
        while self.status < 200:
            self.headers = None  # type: ignore[assignment] # else `begin` takes the head for read
            super().begin()


class _PlainConnection(HTTPConnection):
    """A connection whose `connect` is whether anything can have left."""

    response_class = _TimedResponse

    def connect(self) -> None:
        _reach(super().connect)


class _TlsConnection(HTTPSConnection):
    """The same, with the TLS handshake as part of connecting."""

    response_class = _TimedResponse

    def connect(self) -> None:
        _reach(super().connect)


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = _PlainConnection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


_POOLS = {"http": _PlainPool, "https": _TlsPool}


def tls_context(ca_bundle: Path | None) -> ssl.SSLContext:
    """What we trust: the usual authorities, and a company's own. Raises OSError for a file that is none."""
    context = ssl.create_default_context(cafile=DEFAULT_CA_BUNDLE_PATH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if ca_bundle is not None:
        context.load_verify_locations(cafile=ca_bundle)
    return context


class OnceAdapter(HTTPAdapter):
    """Sends each request at most once; its answer comes whole within the read time-out, or counts as none."""

    def __init__(self, *, ca_bundle: Path | None = None) -> None:
        self._context = tls_context(ca_bundle)
        self._last_use = time.monotonic()
        self._idling = threading.Lock()
        super().__init__(max_retries=0)

    def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, **more: Any) -> None:  # noqa: FBT001, FBT002
        """Build the pools on our own connections and our own, once loaded, TLS context."""
        super().init_poolmanager(connections, maxsize, block, ssl_context=self._context, **more)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, proxy: str, **more: Any) -> Any:
        """The same through a proxy: a tunnel that it refuses is a connection that was not made."""
        if proxy not in self.proxy_manager:
            more |= {"ssl_context": self._context, "proxy_ssl_context": self._context}
            super().proxy_manager_for(proxy, **more).pool_classes_by_scheme = _POOLS
        return self.proxy_manager[proxy]

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        """Require a certificate that the context trusts.

        requests would load its whole bundle into the context again for each connection.
        """
        del url, verify, cert
        conn.cert_reqs = "CERT_REQUIRED"

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        """Send, and read the whole body."""
        self._drop_idle()
        response = super().send(request, *args, **kwargs)
        response.raw = io.BytesIO(self._read(response.raw))
        return response

    def _drop_idle(self) -> None:
        with self._idling:  # else a second thread would close the connection that the first is about to take
            now = time.monotonic()
            if now - self._last_use > MAX_IDLE:
                for manager in (self.poolmanager, *self.proxy_manager.values()):
                    manager.clear()
            self._last_use = now

    def _read(self, raw: Any) -> bytes:
        body = bytearray()
        with ExitStack() as unread:
            unread.callback(raw.close)  # else its connection stays open until the garbage is collected
            while chunk := raw.read1(65536, decode_content=True):
                body += chunk
                if len(body) > MOST_BYTES:
                    raise ReadTimeoutError(None, None, None)  # type: ignore[arg-type] # read by its type alone
            unread.pop_all()
        self._last_use = time.monotonic()
        return bytes(body)
