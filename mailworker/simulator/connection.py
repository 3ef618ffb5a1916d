"""A uvicorn connection that a fault can cut, as a failing network does."""

import asyncio
import socket
import struct
from typing import Any, cast

from uvicorn.protocols.http.h11_impl import H11Protocol

_NO_LINGER = struct.pack("ii", 1, 0)


class CuttableConnection(H11Protocol):
    """Puts `drop` into the scope's state: it resets the connection without another byte."""

    def __init__(self, *args: Any, app_state: dict[str, Any], **kwargs: Any) -> None:
        super().__init__(*args, app_state={**app_state, "drop": self.drop}, **kwargs)

    def drop(self) -> None:
        """Cut the connection; the other side sees "connection reset by peer"."""
        transport = cast("asyncio.Transport", self.transport)
        connection = transport.get_extra_info("socket")
        if connection is not None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
        transport.abort()
