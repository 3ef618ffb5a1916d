"""docs/upgrade.md, as it stands there: the proxy with TLS by a real nginx, and a new password of Redis."""

import re
import shutil
import socket
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest
import requests
from redis import Redis
from redis.exceptions import AuthenticationError, RedisError

from mailworker.client import MailClient
from tests.integration.conftest import ValkeyServer
from tests.integration.mailjet_wire import make_certificate
from tests.integration.web_server import eventually, make_container, serving
from tests.rows import URGENT

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]
PAGE = (Path(__file__).parents[2] / "docs" / "upgrade.md").read_text("utf-8")
VARIABLES = {"user_name": "Zoé", "reset_url": "https://crm.example/r/1", "expiry_time": "1 heure"}
MAILJET, OPERATOR = ("mailjet", "p:ss wörd".encode()), ("ops", b"operators")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def proxy(valkey, tmp_path):
    """nginx with the page's own lines, before a web process; its port and its certificate."""
    nginx = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if nginx is None:
        pytest.skip("nginx is not installed here: apt-get install nginx-light")
    (server,) = re.findall(r"```nginx\n(.*?)```", PAGE, re.DOTALL)
    port, certificate = free_port(), make_certificate(tmp_path)
    with serving(make_container(valkey.port, f"sqlite:///{tmp_path}/ledger.db")) as web:
        lines = server.replace("listen 443 ssl", f"listen 127.0.0.1:{port} ssl").replace(
            "http://127.0.0.1:8070", web
        )
        lines = re.sub(r"ssl_certificate_key .*;", f"ssl_certificate_key {tmp_path}/wire.key;", lines)
        lines = re.sub(r"ssl_certificate  .*;", f"ssl_certificate {certificate};", lines)
        temporary = " ".join(
            f"{name}_temp_path {tmp_path}/{name};"
            for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        (tmp_path / "nginx.conf").write_text(
            f"daemon off; pid {tmp_path}/pid; error_log {tmp_path}/error.log; events {{}}\n"
            f"http {{ access_log off; {temporary}\n{lines}\n}}\n",
            encoding="utf-8",
        )
        process = subprocess.Popen(
            [nginx, "-c", str(tmp_path / "nginx.conf"), "-p", str(tmp_path)], stderr=subprocess.DEVNULL
        )
        try:
            eventually(lambda: accepts(port, process))
            yield f"https://127.0.0.1:{port}", str(certificate)
        finally:
            process.terminate()
            process.wait(20)


def accepts(port, process):
    assert process.poll() is None, "nginx refuses the page's configuration"
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_the_proxy_lets_mailjet_in_and_nobody_else(proxy):
    url, certificate = proxy
    event = [{"event": "sent", "time": 1, "MessageID": 1, "email": "zoe@client.example"}]
    with requests.Session() as session:
        session.verify, session.trust_env = certificate, False
        post = lambda login: session.post(f"{url}/mailjet/events", json=event, auth=login, timeout=10)  # noqa: E731
        assert post(MAILJET).status_code == 200
        assert post(("mailjet", "wrong")).status_code == 401
        for path in ("/", "/metrics", "/health", "/ready"):
            assert session.get(f"{url}{path}", auth=OPERATOR, timeout=10).status_code == 403, path
        large = session.post(f"{url}/mailjet/events", data=b"x" * 5_000_000, auth=MAILJET, timeout=20)
        assert large.status_code == 413


def test_a_new_password_of_redis_is_taken_beside_the_old_one_until_everybody_has_it():
    server = ValkeyServer()
    server.start()
    try:
        admin = Redis.from_url(server.url, decode_responses=True)
        admin.config_set("requirepass", "OLD")
        old, new = (server.url.replace("redis://", f"redis://:{word}@") for word in ("OLD", "NEW"))
        before = MailClient(old)
        before.send(URGENT, "a@client.example", VARIABLES)
        with Redis.from_url(old) as operator:
            for line in re.findall(r"redis-cli (ACL SETUSER .*)", PAGE):
                operator.execute_command(*line.strip("'").replace("'", "").split())
                if ">NEW" in line:
                    before.send(URGENT, "b@client.example", VARIABLES)
                    after = MailClient(new)
                    after.send(URGENT, "c@client.example", VARIABLES)
        after.send(URGENT, "d@client.example", VARIABLES)
        with Redis.from_url(new) as reader:
            assert reader.xlen("mailworker:jobs:urgent") == 4
        with Redis.from_url(old) as late, pytest.raises(AuthenticationError):
            late.ping()
        for client in (before, after):
            with suppress(RedisError):
                client.close()
        admin.close()
    finally:
        server.stop()
