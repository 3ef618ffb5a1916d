"""The servers of one machine do not take a port that somebody else listens on, nor what answers there for theirs."""

import socket

import pytest
from typer.testing import CliRunner

from mailworker.cli import build
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


@pytest.mark.parametrize("url", ["redis://127.0.0.1:{}/0", "sentinel://127.0.0.1:{}/mail/0"])
def test_a_redis_that_was_named_and_does_not_answer_is_said_at_once(tmp_path, monkeypatch, taken, url):
    monkeypatch.setenv("REDIS_URL", url.format(free_port()))
    with pytest.raises(Misconfigured, match=r"^The Redis of REDIS_URL does not answer: start it, or unset"):
        Servers(tmp_path).__enter__()


@pytest.mark.parametrize("command", ["demo", "dev", "bench"])
def test_no_installations_mail_goes_to_the_local_mailjet(
    tmp_path, monkeypatch, valkey_redis, valkey, command
):
    """Who tries a command in a shell of production has its REDIS_URL and DATABASE_URL there."""
    monkeypatch.setenv("REDIS_URL", valkey.url)
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path}/production.db")
    valkey_redis.xadd("mailworker:bulk", {"v": "1"})
    ran = CliRunner().invoke(build(), [command, "--folder", str(tmp_path / "new")])
    assert str(ran.exception).startswith(
        "The Redis of REDIS_URL is in use: these workers would hand what waits"
    )
    assert valkey_redis.keys() == ["mailworker:bulk"]
    assert not (tmp_path / "production.db").exists()


def test_a_named_redis_in_which_nothing_is_serves(tmp_path, monkeypatch, valkey_redis, valkey):
    monkeypatch.setenv("REDIS_URL", valkey.url)
    with Servers(tmp_path) as servers:
        assert servers.redis_url == valkey.url


@pytest.mark.parametrize(
    ("option", "what"), [("--port", "The inbox page"), ("--web-port", "The operators' page")]
)
def test_a_taken_port_ends_the_trial_before_anything_starts(tmp_path, taken, option, what):
    ports = {"--port": free_port(), "--web-port": free_port()} | {option: taken}
    words = [word for name, port in ports.items() for word in (name, str(port))]
    ran = CliRunner().invoke(build(), ["dev", "--folder", str(tmp_path / "new"), *words])
    assert str(ran.exception).startswith(f"{what} cannot listen on port {taken}: another program does.")
    assert not (tmp_path / "new").exists()
