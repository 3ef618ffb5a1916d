"""A port to serve on, or the sentence on why it cannot be had."""

import socket

from mailworker.errors import Misconfigured


def listen(host: str, port: int, what: str, instead: str) -> socket.socket:
    """A socket that listens there already, so that a server on it cannot fail to start.

    Raises Misconfigured where the port is taken or the address is not this machine's; `what` cannot listen
    then, and `instead` is what to do.
    """
    where = host.strip("[]")
    try:
        family, *_, address = socket.getaddrinfo(where, port, type=socket.SOCK_STREAM)[0]
        return socket.create_server(address[:2], family=family, backlog=2048)
    except UnicodeError:
        why = "it is no host's name"
    except OSError as fault:
        why = (fault.strerror or str(fault)).partition(" (while")[0]
    raise Misconfigured(f"{what} cannot listen on port {port} of {where}: {why}. {instead}")
