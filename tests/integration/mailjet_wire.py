"""A server of sockets and TLS, scripted answer by answer: what the wire really sees."""

import contextlib
import json
import socket
import ssl
import struct
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

Behaviour = Callable[[socket.socket], None]


def make_certificate(folder: Path, host: str = "localhost") -> Path:
    """A certificate for loopback and `host` and, beside it, its key; good for nobody else."""
    pem, key = folder / "wire.pem", folder / "wire.key"
    curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2")
    names = ("-subj", "/CN=wire", "-addext", f"subjectAltName=IP:127.0.0.1,DNS:{host}")
    files = ("-keyout", str(key), "-out", str(pem))
    subprocess.run(["openssl", "req", "-x509", *curve, *names, *files], check=True, capture_output=True)
    return pem


def expired_certificate(folder: Path, host: str | None = None) -> Path:
    """The same, or one for `host`, ended yesterday."""
    holder = x509.DNSName(host) if host else x509.IPAddress(ip_address("127.0.0.1"))
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), 1)
        .not_valid_before(now - timedelta(days=2))
        .not_valid_after(now - timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([holder]), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = folder / "expired.pem"
    plain = serialization.NoEncryption()
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    pem.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return pem


@dataclass
class Request:
    line: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Wire:
    """Records every request; plays the next behaviour for each, the last one for ever."""

    behaviours: list[Behaviour]
    tls: ssl.SSLContext | None = None
    requests: list[Request] = field(default_factory=list)
    connections: int = 0
    released: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.listener.getsockname()[1]}/"

    @property
    def posts(self) -> int:
        return sum(request.line.startswith("POST") for request in self.requests)

    def __enter__(self) -> Self:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.threads: list[threading.Thread] = []
        self.sockets: list[socket.socket] = []
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self.released.set()
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for one in self.sockets:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        for thread in self.threads:
            thread.join(10)
        for one in self.sockets:
            one.close()

    def _start(self, work: Callable[..., None], *args: object) -> None:
        thread = threading.Thread(target=work, args=args, daemon=True)
        self.threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            self._start(self._serve, connection)

    def _serve(self, connection: socket.socket) -> None:
        self.sockets.append(connection)
        with contextlib.suppress(OSError):
            if self.tls:
                connection = self.tls.wrap_socket(connection, server_side=True)
                self.sockets.append(connection)
            while request := _read_request(connection):
                self.requests.append(request)
                position = min(len(self.requests), len(self.behaviours)) - 1
                self.behaviours[position](connection)


def _read_request(connection: socket.socket) -> Request | None:
    data = b""
    while b"\r\n\r\n" not in data:
        more = connection.recv(65536)
        if not more:
            return None
        data += more
        if data[:1] == b"\x16":  # TLS knocks at a plain door
            return Request("TLS", {}, b"")
    head, _, body = data.partition(b"\r\n\r\n")
    line, *rest = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (one.partition(":") for one in rest)}
    while len(body) < int(headers.get("content-length", 0)):
        more = connection.recv(65536)
        if not more:
            return None
        body += more
    return Request(line, headers, body)


def answer(status: int, body: object, content_type: str = "application/json", **headers: str) -> Behaviour:
    """A whole HTTP answer; anything but bytes and text goes out as JSON."""
    raw = body if isinstance(body, bytes) else (body if isinstance(body, str) else json.dumps(body)).encode()
    fields = {"Content-Type": content_type, "Content-Length": str(len(raw))}
    fields |= {name.replace("_", "-"): value for name, value in headers.items()}
    head = f"HTTP/1.1 {status} X\r\n" + "".join(f"{k}: {v}\r\n" for k, v in fields.items()) + "\r\n"
    return lambda connection: connection.sendall(head.encode() + raw)


def reset(connection: socket.socket) -> None:
    """Drop the connection with a TCP reset, as a crashed proxy does."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def hang_up(connection: socket.socket) -> None:
    """Close politely without an answer."""
    connection.shutdown(socket.SHUT_RDWR)


def truncated(body: str, missing: int) -> Behaviour:
    """Promise more bytes than are sent, then close."""

    def behave(connection: socket.socket) -> None:
        length = len(body.encode()) + missing
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
        connection.sendall(head.encode() + body.encode())
        connection.shutdown(socket.SHUT_RDWR)

    return behave


def silent(wire_released: threading.Event) -> Behaviour:
    """Read the request and never answer."""
    return lambda connection: wire_released.wait(30) and None


def drip(wire_released: threading.Event, pause: float) -> Behaviour:
    """An answer that begins at once and then comes one byte at a time."""

    def behave(connection: socket.socket) -> None:
        connection.sendall(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 9999\r\n\r\n"
        )
        while not wire_released.wait(pause):
            connection.sendall(b" ")

    return behave


def drip_head(wire_released: threading.Event, pause: float) -> Behaviour:
    """An answer whose first lines come one byte at a time, and never end."""

    def behave(connection: socket.socket) -> None:
        with contextlib.suppress(OSError):
            connection.sendall(b"HTTP/1.1 200 OK\r\nX-Long: ")
            while not wire_released.wait(pause):
                connection.sendall(b"x")

    return behave


@contextlib.contextmanager
def wire(*behaviours: Behaviour, tls: ssl.SSLContext | None = None) -> Iterator[Wire]:
    with Wire(list(behaviours), tls) as one:
        yield one


@contextlib.contextmanager
def tunnel(status: int = 200) -> Iterator[Wire]:
    """An HTTP proxy that opens a tunnel to whoever is asked for, or refuses with this status."""

    def behave(near: socket.socket) -> None:
        host, _, port = proxy.requests[-1].line.split()[1].partition(":")
        near.sendall(f"HTTP/1.1 {status} X\r\n\r\n".encode())
        if status != 200:
            hang_up(near)
            return
        far = socket.create_connection((host, int(port)))
        proxy.sockets.append(far)
        back = threading.Thread(target=_copy, args=(far, near), daemon=True)
        back.start()
        _copy(near, far)
        back.join(10)

    with wire(behave) as proxy:
        yield proxy


def _copy(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_RDWR)
