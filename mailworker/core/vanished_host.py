"""How soon a database connection ends whose host vanished without a word: lost power, or a cut cable.

Without these settings a query into such a connection hangs for a quarter of an hour, and an idle one for two.
Keepalives find out while nothing is under way; they rest while something sent waits to be acknowledged, where
TCP_USER_TIMEOUT counts. A server that is only slow acknowledges, and is waited for.
"""

import socket
from collections.abc import Mapping
from types import MappingProxyType

_IDLE, _INTERVAL, _COUNT, _UNACKNOWLEDGED_MS = 10, 5, 3, 15_000

#: For libpq, as psycopg takes them.
POSTGRESQL: Mapping[str, int] = MappingProxyType(
    {
        "keepalives_idle": _IDLE,
        "keepalives_interval": _INTERVAL,
        "keepalives_count": _COUNT,
        "tcp_user_timeout": _UNACKNOWLEDGED_MS,
    }
)
_OPTIONS = {
    "TCP_KEEPIDLE": _IDLE,
    "TCP_KEEPINTVL": _INTERVAL,
    "TCP_KEEPCNT": _COUNT,
    "TCP_USER_TIMEOUT": _UNACKNOWLEDGED_MS,
}


def notice_soon(connection: socket.socket) -> None:
    """Set the same for a socket of a driver that knows no such settings, as far as this system has them."""
    if connection.family not in {socket.AF_INET, socket.AF_INET6}:
        return
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _OPTIONS.items():
        if hasattr(socket, name):
            connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
