"""What an erased person's job said leaves Redis's file, too."""

from datetime import timedelta
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import NoPermissionError, ResponseError

from mailworker.cli.local_stack import Child, wait_until
from mailworker.cli.local_stack.redis_server import answers, free_port, redis_command
from mailworker.queue.rewrite_append_only_file import LogRewrite, rewrite_log

pytestmark = pytest.mark.integration

DAY = timedelta(days=1)


@pytest.fixture
def writing(tmp_path):
    """A Redis that writes each command into its file; its client, and its folder."""
    port, folder = free_port(), tmp_path / "redis"
    folder.mkdir()
    server = Child("Redis", redis_command(port, folder), tmp_path / "redis.log", {})
    url = f"redis://127.0.0.1:{port}/0"
    server.wait_ready(lambda: answers(url), seconds=30)
    redis = Redis.from_url(url)
    yield redis, folder
    redis.close()
    server.stop()


def holds(folder: Path, word: bytes) -> bool:
    return any(word in file.read_bytes() for file in folder.rglob("*") if file.is_file())


def test_what_was_removed_leaves_the_file(writing):
    redis, folder = writing
    redis.xdel("jobs", redis.xadd("jobs", {"job": "claire.erased@client.example"}))
    redis.xadd("jobs", {"job": "still-waits@client.example"})
    assert holds(folder, b"claire.erased")
    assert rewrite_log(redis, every=DAY) is LogRewrite.ASKED
    assert wait_until(lambda: not holds(folder, b"claire.erased"), seconds=30)
    assert holds(folder, b"still-waits")


def test_it_is_asked_for_once_in_so_long_and_never_where_it_is_off(writing):
    redis, _ = writing
    assert rewrite_log(redis, every=timedelta(0)) is LogRewrite.NOT_DUE
    assert [rewrite_log(redis, every=DAY) for _ in range(3)] == [LogRewrite.ASKED, *[LogRewrite.NOT_DUE] * 2]
    assert timedelta(milliseconds=redis.pttl("mailworker:log-rewritten")) > DAY - timedelta(hours=1)


def test_a_redis_that_keeps_none_is_left_alone(writing):
    redis, _ = writing
    redis.config_set("appendonly", "no")
    assert rewrite_log(redis, every=DAY) is LogRewrite.NO_LOG


@pytest.mark.parametrize(
    "fault",
    [
        NoPermissionError("User x has no permissions to run the 'bgrewriteaof' command"),
        ResponseError("unknown command 'bgrewriteaof'"),
    ],
)
def test_a_user_who_may_not_ask_does_without(writing, monkeypatch, fault):
    redis, _ = writing

    def refuse(*_, **__):
        raise fault

    monkeypatch.setattr(redis, "bgrewriteaof", refuse)
    assert rewrite_log(redis, every=DAY) is LogRewrite.FORBIDDEN


@pytest.mark.parametrize(
    ("at_work", "told"),
    [
        ({"aof_rewrite_in_progress": 1}, LogRewrite.BUSY),
        ({"rdb_bgsave_in_progress": 1}, LogRewrite.BUSY),
        ({}, LogRewrite.ASKED),
    ],
)
def test_a_redis_that_is_saving_already_is_not_asked(writing, monkeypatch, at_work, told):
    redis, _ = writing
    asked = []
    monkeypatch.setattr(redis, "info", lambda _section: {"aof_enabled": 1} | at_work)
    monkeypatch.setattr(redis, "bgrewriteaof", lambda: asked.append(1))
    assert rewrite_log(redis, every=DAY) is told
    assert len(asked) == (told is LogRewrite.ASKED)
