"""Where Redis is: one reading of its URL for the client, the workers and the doctor.

redis-py and Celery write the same place differently, and each refuses some forms of the other with a
traceback. So a URL is read here once, and written for each of them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlencode, urlsplit

from mailworker.core.unset_text import known
from mailworker.errors import BadInput

SENTINEL_PORT = 26379
#: What a sentinel is waited for, in seconds, and how often: another one knows the same. Else each new
#: connection asks one whose host is lost eleven times before the next (redis-py 8.1), for a minute.
_SENTINEL_PATIENCE = 2.0
_FORMS = (
    "write redis://host:6379/0, rediss://host:6379/0, unix:///path/to/redis.sock?db=0, "
    "or sentinel://host1:26379,host2:26379/service/0; Redis Cluster is not supported"
)
#: Celery's and Python's words for what redis-py calls required, optional and none.
_CERT_REQS = {"cert_required": "required", "cert_optional": "optional", "cert_none": "none"}
#: What may stand behind the question mark, besides the database.
_TIMES = {"socket_timeout", "socket_connect_timeout", "health_check_interval"}
#: In seconds; a socket takes no endless one.
_LONGEST_TIME = 86_400
_TLS = {
    "ssl_cert_reqs", "ssl_ca_certs", "ssl_ca_path", "ssl_ca_data", "ssl_certfile", "ssl_keyfile",
    "ssl_password", "ssl_check_hostname", "ssl_ciphers",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class RedisUrl:
    """A place of Redis. Its repr shows nothing: URLs carry passwords.

    `url` is for redis-py and empty for a service behind sentinels. `broker` is for Celery, and
    `broker_options` belong into its transport options.
    """

    url: str = field(repr=False)
    broker: str = field(repr=False)
    broker_options: Mapping[str, Any] = field(default_factory=dict, repr=False)
    sentinels: tuple[tuple[str, int], ...] = ()
    service: str = ""
    login: Mapping[str, Any] = field(default_factory=dict, repr=False)


def parse_redis_url(text: str) -> RedisUrl:
    """Read a URL of Redis. Raises BadInput with one sentence, which does not repeat the URL."""
    text = known(text)
    try:
        parts = urlsplit(text)
        reader = _READERS[parts.scheme]
        return reader(parts)
    except (AttributeError, KeyError, ValueError):  # no text at all, too
        raise BadInput(f"redis_url: is no URL of Redis that we know: {_FORMS}.") from None


def _tcp(parts: SplitResult) -> RedisUrl:
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    _ = parts.hostname or _wrong(), parts.port, _database(parts.path)
    if "db" in query:  # redis-py obeys it, Celery the path
        parts = parts._replace(path=f"/{_database(query.pop('db'))}")
    times = {name: query.pop(name) for name in sorted(_TIMES & query.keys())}
    if not all(0 < float(seconds) <= _LONGEST_TIME for seconds in times.values()):
        _wrong()
    if parts.scheme == "rediss":
        given = query.get("ssl_cert_reqs", "required")
        query["ssl_cert_reqs"] = _CERT_REQS.get(given.lower(), given)
        if query["ssl_cert_reqs"] not in _CERT_REQS.values():
            _wrong()
    if query.keys() - (_TLS if parts.scheme == "rediss" else set()):
        _wrong()
    broker = parts._replace(query=urlencode(query)).geturl()
    return RedisUrl(parts._replace(query=urlencode(query | times)).geturl(), broker)


def _socket(parts: SplitResult) -> RedisUrl:
    path = parts.path or _wrong()
    query = dict(parse_qsl(parts.query))
    database = _database(query.pop("db", "0")) if not query.keys() - {"db"} else _wrong()
    login = f"{parts.netloc.rpartition('@')[0]}@" if "@" in parts.netloc else ""
    broker = f"redis+socket://{login}{path}?virtual_host={database}"
    return RedisUrl(f"unix://{login}{path}?db={database}", broker)


def _sentinel(parts: SplitResult) -> RedisUrl:
    """Several hosts, then the name of the service that they watch, then the database."""
    login, _, hosts = parts.netloc.rpartition("@")
    sentinels = tuple(_host(one) for one in hosts.split(","))
    service, _, rest = parts.path.strip("/").partition("/")
    database = _database(f"/{rest}")
    query = dict(parse_qsl(parts.query))
    if not service or set(query) - {"sentinel_password"}:
        _wrong()
    user, _, password = login.partition(":")
    known = {"username": unquote(user) or None, "password": unquote(password) or None}
    own = {"password": query["sentinel_password"]} if "sentinel_password" in query else {}
    from redis.backoff import NoBackoff  # noqa: PLC0415 - most commands read the URL and ask no Redis
    from redis.retry import Retry  # noqa: PLC0415

    patience = {
        "socket_timeout": _SENTINEL_PATIENCE,
        "socket_connect_timeout": _SENTINEL_PATIENCE,
        "retry": Retry(NoBackoff(), 0),
    }
    written = f"{quote(unquote(user), safe='')}:{quote(unquote(password), safe='')}@" if login else ""
    broker = ";".join(f"sentinel://{written}{host}:{port}/{database}" for host, port in sentinels)
    options = {"master_name": service, "sentinel_kwargs": patience | own}
    return RedisUrl("", broker, options, sentinels, service, known | {"db": database})


def _host(text: str) -> tuple[str, int]:
    parts = urlsplit(f"//{text}")
    return parts.hostname or _wrong(), parts.port or SENTINEL_PORT


def _database(path: str) -> int:
    number = path.strip("/") or "0"
    return int(number) if number.isascii() and number.isdigit() else _wrong()


def _wrong() -> Any:
    raise ValueError


_READERS = {"redis": _tcp, "rediss": _tcp, "unix": _socket, "sentinel": _sentinel}
