"""Hosts with a network between them, out of the kernel's network namespaces: cables that can be pulled."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from mailworker.cli.local_stack.child_process import Child

FORWARD = Path(__file__).with_name("forward.py")


def _ip(*words: str, check: bool = True) -> bool:
    done = subprocess.run(["ip", *words], check=False, capture_output=True, text=True)
    if check and done.returncode != 0:
        raise RuntimeError(f"ip {' '.join(words)}: {done.stderr.strip()}")
    return done.returncode == 0


class Host:
    """One machine of the network: its name, its address, its processes."""

    def __init__(self, network: "Network", name: str, number: int) -> None:
        self.network, self.name = network, name
        self.space, self.cable = f"{network.name}{name}", f"{network.name}{number}"
        self.address = f"{network.prefix}.{number}"
        _ip("netns", "add", self.space)
        _ip("link", "add", self.cable, "type", "veth", "peer", "name", "eth0", "netns", self.space)
        _ip("link", "set", self.cable, "master", network.name, "up")
        for words in (
            ["addr", "add", f"{self.address}/24", "dev", "eth0"],
            ["link", "set", "eth0", "up"],
            ["link", "set", "lo", "up"],
        ):
            _ip("-n", self.space, *words)

    def command(self, *words: str) -> list[str]:
        """The command as this machine runs it, under its own host name."""
        return ["ip", "netns", "exec", self.space, "unshare", "--uts", "sh", "-c", 'hostname "$0"; exec "$@"', self.name, *words]  # fmt: skip

    def start(self, name: str, words: Sequence[str], environ: Mapping[str, str] | None = None) -> Child:
        """A process on this machine, which ends with the network."""
        log = self.network.folder / f"{self.name}-{name}.log"
        child = Child(f"{name} on {self.name}", self.command(*words), log, environ or os.environ)
        self.network.children.append(child)
        return child

    def run(
        self, *words: str, environ: Mapping[str, str] | None = None
    ) -> "subprocess.CompletedProcess[str]":
        """A command on this machine, to its end."""
        return subprocess.run(
            self.command(*words), capture_output=True, text=True, check=False, timeout=120, env=dict(environ or os.environ)
        )  # fmt: skip

    def pull_the_cable(self) -> None:
        """From now on nobody reaches this machine, and it reaches nobody; its processes live on."""
        _ip("link", "set", self.cable, "down")

    def plug_the_cable_in(self) -> None:
        """It is on the network again, as it was."""
        _ip("link", "set", self.cable, "up")


class Network:
    """A switch, at whose first address this machine is."""

    def __init__(self, folder: Path) -> None:
        number = os.getpid() % 250 + 1
        self.folder, self.name, self.prefix = folder, f"mw{number}x", f"10.231.{number}"
        self.address = f"{self.prefix}.1"
        self.hosts: dict[str, Host] = {}
        self.children: list[Child] = []
        _ip("link", "add", self.name, "type", "bridge")
        _ip("addr", "add", f"{self.address}/24", "dev", self.name)
        _ip("link", "set", self.name, "up")

    def host(self, name: str) -> Host:
        """One more machine."""
        self.hosts[name] = made = Host(self, name, len(self.hosts) + 11)
        return made

    def offer(self, port: int, *hosts: Host) -> None:
        """Let these machines reach a server of this machine's loopback at the same port of theirs."""
        words = [sys.executable, str(FORWARD)]
        here = [*words, self.address, str(port), "127.0.0.1", str(port)]
        self.children.append(Child("forward", here, self.folder / "forward.log", os.environ))
        for host in hosts:
            host.start("forward", [*words, "127.0.0.1", str(port), self.address, str(port)])

    def close(self) -> None:
        """Take all of it away."""
        for child in reversed(self.children):
            child.kill()
        for host in self.hosts.values():
            _ip(
                "link", "del", host.cable, check=False
            )  # its namespace may live on as long as a process in it
            _ip("netns", "del", host.space, check=False)
        _ip("link", "del", self.name, check=False)


@contextmanager
def network() -> Iterator[Network]:
    """A network of machines; skipped aloud where this user may make none."""
    if os.geteuid() != 0 or shutil.which("ip") is None or not _ip("netns", "list", check=False):
        pytest.skip("network namespaces need root and iproute2: sudo apt-get install iproute2")
    folder = Path(tempfile.mkdtemp(prefix="mailworker-net-"))
    folder.chmod(0o755)
    made = Network(folder)
    try:
        yield made
    finally:
        made.close()
        shutil.rmtree(folder, ignore_errors=True)
