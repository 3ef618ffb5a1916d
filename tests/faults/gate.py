"""A gate in front of a server on this machine: open, it carries bytes; shut, nobody is there."""

import contextlib
import select
import socket
import ssl
import threading
from typing import Self


class Gate:
    """Listens on a port of its own; `cut` counts the connections that it ended when it was shut.

    With `tls` it speaks TLS to who comes, and plainly to the server behind it.
    """

    def __init__(self, target_port: int, *, tls: ssl.SSLContext | None = None) -> None:
        self._target = target_port
        self._tls = tls
        self._listener: socket.socket | None = None
        self._links: set[socket.socket] = set()
        self._lock = threading.Lock()
        self.port = 0
        self.cut = 0
        self.open()

    @property
    def url(self) -> str:
        """Where to call instead."""
        return f"http{'s' if self._tls else ''}://127.0.0.1:{self.port}/"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.shut()

    def open(self) -> None:
        """Let everybody through, on the same port as before."""
        listener = socket.create_server(("127.0.0.1", self.port), backlog=50)
        self.port = listener.getsockname()[1]
        self._listener = listener
        threading.Thread(target=self._welcome, args=(listener,), daemon=True).start()

    def shut(self) -> None:
        """Cut every connection and refuse new ones."""
        with self._lock:
            listener, self._listener = self._listener, None
        if listener is not None:
            # A thread that waits in accept() keeps the port open, whatever close() says.
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        self._cut_all()

    def lead_to(self, target_port: int) -> None:
        """Cut every connection; new ones go to this port."""
        self._target = target_port
        self._cut_all()

    def present(self, tls: ssl.SSLContext) -> None:
        """Cut every connection; new ones see this certificate."""
        self._tls = tls
        self._cut_all()

    def _cut_all(self) -> None:
        with self._lock:
            links, self._links = self._links, set()
        self.cut += len(links) // 2
        for link in links:
            _end(link)

    def _welcome(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = listener.accept()
                threading.Thread(target=self._serve, args=(near,), daemon=True).start()

    def _serve(self, near: socket.socket) -> None:
        with contextlib.ExitStack() as stack, contextlib.suppress(OSError, ValueError):
            stack.callback(lambda: _end(near))
            if self._tls:
                near.settimeout(10)
                near = self._tls.wrap_socket(near, server_side=True)
                near.settimeout(None)
            # Where nobody is there yet, or too busy, only this caller hears of it.
            far = socket.create_connection(("127.0.0.1", self._target), timeout=5)
            far.settimeout(None)
            stack.callback(_end, far)
            with self._lock:
                self._links |= {near, far}
            _carry(near, far)
        with self._lock:
            self._links = {one for one in self._links if one.fileno() != -1}


def _carry(near: socket.socket, far: socket.socket) -> None:
    """Carry bytes both ways until one side ends. One thread for both: TLS sockets want no two."""
    while True:
        waiting = isinstance(near, ssl.SSLSocket) and near.pending()
        ready = [near] if waiting else select.select([near, far], [], [])[0]
        for source in ready:
            piece = source.recv(65_536)
            if not piece:
                return
            (far if source is near else near).sendall(piece)


def _end(link: socket.socket) -> None:
    with contextlib.suppress(OSError):
        link.shutdown(socket.SHUT_RDWR)
    link.close()
