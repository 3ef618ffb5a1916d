"""The servers of one machine do not take a port that somebody else listens on, nor what answers there for theirs."""

import socket

import pytest

from mailworker.cli.local_stack import Servers
from mailworker.cli.local_stack.redis_server import free_port
from mailworker.cli.local_stack.trial_config import web_for_trial
from mailworker.errors import Misconfigured

pytestmark = pytest.mark.integration


@pytest.fixture
def taken(monkeypatch):
    monkeypatch.delenv("REDIS_URL", raising=False)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


def test_a_redis_of_somebody_elses_is_not_used(tmp_path, taken):
    with pytest.raises(Misconfigured, match=f"^Redis cannot listen on port {taken}: another program does"):
        Servers(tmp_path, redis_port=taken).__enter__()


def test_a_page_of_somebody_elses_is_not_shown(tmp_path, taken):
    changes = {"web": web_for_trial(taken)}
    with (
        Servers(tmp_path, changes=changes, redis_port=free_port()) as servers,
        pytest.raises(Misconfigured, match=f"page cannot listen on port {taken}"),
    ):
        servers.start_web()
