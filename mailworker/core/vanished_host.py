"""How soon a database connection ends whose host vanished without a word: lost power, or a cut cable.

Without these settings a query into such a connection hangs for a quarter of an hour, and an idle one for two.
Keepalives find out while nothing is under way; they rest while something sent waits to be acknowledged, where
TCP_USER_TIMEOUT counts. A server that is only slow acknowledges, and is waited for.
"""

import socket
from collections.abc import Mapping
from types import MappingProxyType

#: For libpq, as psycopg takes them: seconds, a count, and milliseconds.
POSTGRESQL: Mapping[str, int] = MappingProxyType(
    {
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 3,
        "tcp_user_timeout": 15_000,
    }
)
#: The same in the same order, as the system calls them.
_OPTIONS = ("TCP_KEEPIDLE", "TCP_KEEPINTVL", "TCP_KEEPCNT", "TCP_USER_TIMEOUT")


def notice_soon(connection: socket.socket) -> None:
    """Set the same for a socket of a driver that knows no such settings, as far as this system has them."""
    if connection.family not in {socket.AF_INET, socket.AF_INET6}:
        return
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in zip(_OPTIONS, POSTGRESQL.values(), strict=True):
        if hasattr(socket, name):
            connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
