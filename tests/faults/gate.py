"""A gate in front of a server on this machine: open, it carries bytes; shut, nobody is there."""

import contextlib
import socket
import threading
from typing import Self


class Gate:
    """Listens on a port of its own; `cut` counts the connections that it ended when it was shut."""

    def __init__(self, target_port: int) -> None:
        self._target = target_port
        self._listener: socket.socket | None = None
        self._links: set[socket.socket] = set()
        self._lock = threading.Lock()
        self.port = 0
        self.cut = 0
        self.open()

    @property
    def url(self) -> str:
        """Where to call instead."""
        return f"http://127.0.0.1:{self.port}/"

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
            links, self._links = self._links, set()
        if listener is not None:
            # A thread that waits in accept() keeps the port open, whatever close() says.
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        self.cut += len(links) // 2
        for link in links:
            _end(link)

    def _welcome(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = listener.accept()
                try:
                    far = socket.create_connection(("127.0.0.1", self._target), timeout=5)
                except OSError:  # nobody is there yet, or too busy: only this caller hears of it
                    _end(near)
                    continue
                far.settimeout(None)
                with self._lock:
                    self._links |= {near, far}
                for one, other in ((near, far), (far, near)):
                    threading.Thread(target=self._carry, args=(one, other), daemon=True).start()

    def _carry(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while piece := source.recv(65_536):
                sink.sendall(piece)
        with self._lock:
            self._links -= {source, sink}
        _end(source)
        _end(sink)


def _end(link: socket.socket) -> None:
    with contextlib.suppress(OSError):
        link.shutdown(socket.SHUT_RDWR)
    link.close()
