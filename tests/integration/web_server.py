"""The web door on a loopback port, for tests."""

import socket
import threading
import time
from contextlib import contextmanager

import uvicorn

from mailworker.config.settings import parse_settings
from mailworker.container import Container
from mailworker.web import create_app

CONFIG = """
mailjet: {{api_key: simulator-key, api_secret: simulator-secret}}
worker: {{redis_url: "redis://127.0.0.1:{port}/0", database_url: "{database}"}}
web: {{webhook_user: mailjet, webhook_password: "p:ss wörd", operator_user: ops, operator_password: operators}}
"""


def make_container(port, database="sqlite://"):
    return Container(parse_settings(CONFIG.format(port=port, database=database)))


@contextmanager
def serving(container, **options):
    """The web door on a free port, in a thread."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(
        uvicorn.Config(create_app(container), log_config=None, access_log=False, **options)
    )
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    eventually(lambda: server.started)
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
        listener.close()


def eventually(condition, seconds=15):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.01)
