"""One reading of Redis's URL, for redis-py and for Celery; what neither knows is refused in one sentence."""

import pytest
from celery import Celery
from hypothesis import given
from hypothesis import strategies as st
from redis import Redis

from mailworker.client import MailClient
from mailworker.config.settings import parse_settings
from mailworker.core.redis_url import parse_redis_url
from mailworker.errors import BadInput, ConfigError

SENTINEL = "sentinel://ana:p%40ss@one.example,two.example:26380/mymaster/3"


@pytest.mark.parametrize(
    ("text", "url", "broker"),
    [
        ("redis://h", "redis://h", "redis://h"),
        ("redis://ana:p%40ss@h:7/3?health_check_interval=5", None, "redis://ana:p%40ss@h:7/3"),
        ("redis://h:7/3?db=4", "redis://h:7/4", None),
        ("redis://h?db=4&socket_timeout=1.5", "redis://h/4?socket_timeout=1.5", "redis://h/4"),
        ("redis://h?socket_timeout=86400", "redis://h?socket_timeout=86400", "redis://h"),
        ("rediss://h?ssl_ca_certs=ca.pem", "rediss://h?ssl_ca_certs=ca.pem&ssl_cert_reqs=required", None),
        ("rediss://h:7/0", "rediss://h:7/0?ssl_cert_reqs=required", None),
        ("rediss://h?ssl_cert_reqs=CERT_REQUIRED", "rediss://h?ssl_cert_reqs=required", None),
        ("rediss://h?ssl_cert_reqs=CERT_NONE", "rediss://h?ssl_cert_reqs=none", None),
        (
            "unix:///run/redis.sock",
            "unix:///run/redis.sock?db=0",
            "redis+socket:///run/redis.sock?virtual_host=0",
        ),
        (
            "unix://:pw@/run/r.sock?db=2",
            "unix://:pw@/run/r.sock?db=2",
            "redis+socket://:pw@/run/r.sock?virtual_host=2",
        ),
    ],
)
def test_both_get_the_form_that_they_know(text, url, broker):
    where = parse_redis_url(text)
    assert where.url == (url or text)
    assert where.broker == (broker or where.url)
    Redis.from_url(where.url)


@pytest.mark.parametrize("text", ["redis://h:7/3", "rediss://h:7/3", "unix:///run/redis.sock?db=3", SENTINEL])
def test_celery_takes_its_form_as_broker_and_as_result_store(text):
    where = parse_redis_url(text)
    app = Celery("test", broker=where.broker, backend=where.broker, set_as_current=False)
    app.conf.broker_transport_options = app.conf.result_backend_transport_options = dict(where.broker_options)
    assert app.connection().transport_cls is not None
    assert app.connection().transport.driver_type == "redis"
    assert app.backend is not None


def test_sentinels():
    where = parse_redis_url(SENTINEL + "?sentinel_password=other")
    assert where.sentinels == (("one.example", 26379), ("two.example", 26380))
    assert (where.service, where.login) == ("mymaster", {"username": "ana", "password": "p@ss", "db": 3})
    assert where.broker == (
        "sentinel://ana:p%40ss@one.example:26379/3;sentinel://ana:p%40ss@two.example:26380/3"
    )
    asked = dict(where.broker_options["sentinel_kwargs"])
    assert asked.pop("retry").get_retries() == 0
    assert asked == {"socket_timeout": 2.0, "socket_connect_timeout": 2.0, "password": "other"}
    assert where.broker_options["master_name"] == "mymaster"
    assert "p@ss" not in repr(where)
    assert "p%40" not in repr(where)


WRONG = [
    "",
    "h:6379",
    "http://h",
    "amqp://h",
    "redis://",
    "redis://h/zero",
    "redis://h:port",
    "redis+cluster://h",
    "unix://",
    "unix:///run/redis.sock?db=x",
    "sentinel://h",
    "sentinel://h/",
    "sentinel:///service",
    "sentinel://h:x/service",
    "sentinel://h/service/x",
    "sentinel://h/service?unknown=1",
    "rediss://h?ssl_cert_reqs=maybe",
    "rediss://h?foo=1",
    "redis://h?foo=1",
    "redis://h?ssl_ca_certs=ca.pem",
    "redis://h?db=x",
    "redis://h?socket_timeout=soon",
    "redis://h?socket_timeout=0",
    "redis://h?socket_timeout=inf",
    "redis://h?socket_timeout=nan",
    "redis://h?socket_timeout=86401",
    "unix:///run/redis.sock?socket_timeout=5",
]


@pytest.mark.parametrize("text", WRONG)
def test_any_other_is_refused_in_one_sentence_everywhere(text):
    with pytest.raises(BadInput, match="write redis://host:6379/0") as refused:
        parse_redis_url(text)
    assert len(refused.value.faults) == 1
    if text:
        with pytest.raises(BadInput, match="Cluster is not supported"):
            MailClient(text)
    config = f"mailjet: {{api_key: k, api_secret: s}}\nworker: {{redis_url: '{text}'}}\n"
    with pytest.raises(ConfigError, match=r"redis_url: is no URL of Redis"):
        parse_settings(config, environ={})


@given(st.text(max_size=40) | st.from_regex(r"(redis|rediss|unix|sentinel)://[ -~]{0,30}", fullmatch=True))
def test_no_text_raises_anything_else_nor_stands_in_the_error(text):
    told = outcome(text)
    assert told is None or told.startswith("redis_url: is no URL of Redis")


def outcome(text):
    try:
        parse_redis_url(text)
    except BadInput as fault:
        return str(fault)
    return None
