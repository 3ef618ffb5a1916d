"""A uvicorn connection that a fault can cut, as a failing network does."""

import socket
import struct
from typing import Any

from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

_NO_LINGER = struct.pack("ii", 1, 0)


class CuttableConnection(H11Protocol):
    """Puts `drop` into the scope's state: it resets the connection without another byte."""

    def __init__(
        self, config: Config, server_state: ServerState, app_state: dict[str, Any], **options: Any
    ) -> None:
        super().__init__(config, server_state, {**app_state, "drop": self.drop}, **options)

    def drop(self) -> None:
        """Cut the connection; the other side sees "connection reset by peer"."""
        connection = self.transport.get_extra_info("socket")
        if connection is not None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
        self.transport.abort()
