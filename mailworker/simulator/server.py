"""Runs the local Mailjet: in the foreground for people, in a thread for tests."""

import signal
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn

from mailworker.core.listening_socket import listen
from mailworker.simulator.app import create_app
from mailworker.simulator.cut_connection import CuttableConnection
from mailworker.simulator.running_simulator import RunningSimulator
from mailworker.simulator.settings import SimulatorSettings
from mailworker.simulator.state import SimulatorState

_START_SECONDS = 10
_STOP_SECONDS = 10.0
_FOR_TESTS = {"port": 0, "index_delay": 0.0, "job_seconds": 0.0, "event_time_scale": 0.02}


class _Server(uvicorn.Server):
    """Lets hanging calls go before it waits for open ones."""

    def __init__(self, config: uvicorn.Config, world: SimulatorState) -> None:
        super().__init__(config)
        self.world = world
        self.ready = threading.Event()

    def stop(self, *_: object) -> None:
        """Stop as soon as possible, as a signal's handler; uvicorn puts its own in place once it runs."""
        self.should_exit = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start listening, then report it."""
        await super().startup(sockets)
        self.ready.set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop."""
        self.world.closing.set()
        await super().shutdown(sockets)


def serve(settings: SimulatorSettings) -> None:
    """Serve until SIGTERM or Ctrl-C, in the main thread. Prints one line with the URL once calls are taken.

    Raises Misconfigured where the port is taken.
    """
    listener = _listen(settings)
    server = _server(settings)
    sys.stdout.write(f"The local Mailjet is ready at {_url(listener)} (API and inbox page).\n")
    sys.stdout.flush()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, server.stop)
    server.run(sockets=[listener])


@contextmanager
def running(**changes: Any) -> Iterator[RunningSimulator]:
    """A local Mailjet in a background thread; by default a free port, no look-up delay, quick events.

    `changes` are the fields of SimulatorSettings.
    """
    settings = SimulatorSettings(**{**_FOR_TESTS, **changes})
    listener = _listen(settings)
    server = _server(settings)
    thread = threading.Thread(
        target=server.run, kwargs={"sockets": [listener]}, name="simulator", daemon=True
    )
    thread.start()
    try:
        server.ready.wait(_START_SECONDS)
        yield RunningSimulator(_url(listener), server.world)
    finally:
        server.should_exit = True
        thread.join(_STOP_SECONDS)
        # What hangs even then ends with the process: the thread is a daemon.
        server.force_exit = True
        listener.close()


def _server(settings: SimulatorSettings) -> _Server:
    world = SimulatorState(settings)
    config = uvicorn.Config(
        create_app(world),
        http=CuttableConnection,
        ws="none",
        lifespan="on",
        log_level="critical",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=1,
        timeout_keep_alive=75,  # longer than any test waits between two calls of one session
    )
    return _Server(config, world)


def _listen(settings: SimulatorSettings) -> socket.socket:
    return listen(settings.host, settings.port, "The local Mailjet", "Choose another port.")


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
