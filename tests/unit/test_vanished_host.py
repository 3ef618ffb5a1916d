"""A vanished host is noticed in seconds by every driver; a slow server is waited for."""

import socket
from zoneinfo import ZoneInfo

import psycopg.conninfo
import pytest

from mailworker.core.vanished_host import POSTGRESQL, notice_soon
from mailworker.crm import sql_connection
from mailworker.crm.sql_connection import connect_read_only

PARIS = ZoneInfo("Europe/Paris")


def test_libpq_knows_the_settings():
    given = psycopg.conninfo.make_conninfo("host=h", **POSTGRESQL)
    assert psycopg.conninfo.conninfo_to_dict(given) == {"host": "h"} | {
        name: str(value) for name, value in POSTGRESQL.items()
    }


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6])
def test_a_socket_is_given_up_15_seconds_after_what_nobody_acknowledges(family):
    with socket.socket(family) as link:
        notice_soon(link)
        assert link.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        found = [
            link.getsockopt(socket.IPPROTO_TCP, getattr(socket, name))
            for name in ("TCP_KEEPIDLE", "TCP_KEEPINTVL", "TCP_KEEPCNT", "TCP_USER_TIMEOUT")
        ]
    assert found == [10, 5, 3, 15_000]


def test_a_socket_of_this_host_has_no_such_settings():
    with socket.socket(socket.AF_UNIX) as link:
        notice_soon(link)


def test_a_system_without_the_settings_goes_without_them(monkeypatch):
    monkeypatch.delattr(socket, "TCP_USER_TIMEOUT")
    with socket.socket() as link:
        notice_soon(link)
        assert link.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 10


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("postgresql+psycopg://h/d", {"connect_timeout": 3, **POSTGRESQL}),
        ("mysql+pymysql://h/d", {"connect_timeout": 3}),
        ("sqlite:////tmp", {"timeout": 3}),
    ],
)
def test_the_crms_database_is_opened_so_too(monkeypatch, url, expected):
    given = {}

    def create(_url, **options):
        given.update(options)
        raise ValueError("enough")

    monkeypatch.setattr(sql_connection, "create_engine", create)
    with pytest.raises(sql_connection.Misconfigured):
        connect_read_only(url, 3, PARIS)
    assert given["connect_args"] == expected


def test_a_driver_without_the_settings_has_its_socket_told():
    """PyMySQL, by the name that its socket has there."""
    with socket.socket() as link:

        class Driver:
            _sock = link
            Error = OSError

            def cursor(self):
                return Cursor()

            def commit(self):
                pass

        class Cursor:
            def execute(self, *_):
                pass

            def close(self):
                pass

        sql_connection._obey("SET SESSION TRANSACTION READ ONLY", None)(Driver(), None)
        assert link.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 15_000
