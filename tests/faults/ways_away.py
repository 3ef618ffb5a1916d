"""The ways in which Mailjet can be away, each as a context in which it is."""

import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.faults.gate import Gate
from tests.faults.scene import Scene
from tests.integration.mailjet_wire import answer, wire

#: Debian's `faketime`: a certificate that has expired is one that was made long ago.
FAKETIME = "/usr/bin/faketime"
_HTML = b"<!doctype html><title>Wartungsarbeiten</title><p>We are back soon."


@contextmanager
def misbehaving(scene: Scene, fault: str, **rule: object) -> Iterator[None]:
    """The local Mailjet has this fault in every call that sends."""
    scene.servers.mailbox.behave()
    scene.servers.mailbox.misbehave(fault, match={"path": "/v3.1/send"}, **rule)
    yield
    scene.servers.mailbox.behave()


@contextmanager
def unreachable(gate: Gate) -> Iterator[None]:
    """Nobody listens."""
    gate.shut()
    yield
    gate.open()


@contextmanager
def replaced(scene: Scene, gate: Gate, behave: Callable[..., None]) -> Iterator[None]:
    """Somebody else answers in Mailjet's place, and takes nothing."""
    home = int(scene.servers.simulator_url.rpartition(":")[2])
    with wire(behave) as other:
        gate.lead_to(other.listener.getsockname()[1])
        yield
        gate.lead_to(home)


@contextmanager
def a_stall(scene: Scene, gate: Gate) -> Iterator[None]:
    """An answer in chunks that begins well, and stands still in its middle."""
    over = threading.Event()

    def behave(connection) -> None:
        head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
        connection.sendall(head.encode() + b'15\r\n{"Messages":[{"Status\r\n')
        over.wait(120)

    with replaced(scene, gate, behave):
        yield
        over.set()


def maintenance(scene: Scene, gate: Gate):
    """A page of HTML with status 200, as a proxy shows it."""
    return replaced(scene, gate, answer(200, _HTML, content_type="text/html"))


@contextmanager
def expired(gate: Gate, folder: Path) -> Iterator[None]:
    """Its certificate ran out."""
    gate.present(server_context(folder / "expired.pem"))
    yield
    gate.present(server_context(folder / "good.pem"))


def make_certificates(folder: Path) -> Path:
    """Two for loopback, `good.pem` and `expired.pem` with their keys; gives a bundle that trusts both."""
    for name, before in (("good", []), ("expired", [FAKETIME, "2020-02-02"])):
        curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "9"]
        names = ["-subj", f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1"]
        files = ["-keyout", str(folder / f"{name}.key"), "-out", str(folder / f"{name}.crt")]
        command = [*before, "openssl", "req", "-x509", *curve, *names, *files]
        subprocess.run(command, check=True, capture_output=True)
        both = (folder / f"{name}.crt").read_text(encoding="utf-8") + (folder / f"{name}.key").read_text(
            encoding="utf-8"
        )
        (folder / f"{name}.pem").write_text(both, encoding="utf-8")
    bundle = folder / "bundle.pem"
    bundle.write_text(
        (folder / "good.crt").read_text(encoding="utf-8")
        + (folder / "expired.crt").read_text(encoding="utf-8"),
        encoding="utf-8",
    )
    return bundle


def server_context(pem: Path) -> ssl.SSLContext:
    """A server's side of TLS with this certificate and key."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    return context
