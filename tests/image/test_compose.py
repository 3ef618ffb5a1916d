"""The image is built, docker-compose.yml runs, and mail goes from a client on the host to the local Mailjet."""

import json
import re
import socket
from collections.abc import Iterator

import pytest
import requests
from redis import Redis
from redis.exceptions import AuthenticationError

from mailworker.client import MailClient
from tests.image.compose import COMPOSE, CRM_TABLES, PROJECT, Site, build_image, confine, wait_until

pytestmark = [pytest.mark.image, pytest.mark.timeout(2400)]

VERIFICATION = "api_crmCommunicationEmailVerification"
WORKERS = ("urgent", "normal", "bulk", "render", "contacts")
LASTING = ("redis", "postgres", *WORKERS, "beat", "flower", "webhook")
SECRET = re.compile(r"PASSWORD|SECRET|API_KEY|AUTH|URL")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Iterator[Site]:
    """The whole house, as the head of docker-compose.yml says: migrate, then up."""
    confine(tmp_path_factory.mktemp("engine"))
    build_image()
    made = Site(tmp_path_factory.mktemp("site"), free_port())
    made.compose("down", "-v", check=False)  # of a run that was cut off
    try:
        made.compose("up", "-d", "--no-build", "redis", "postgres")
        assert wait_until(lambda: made.is_healthy("redis") and made.is_healthy("postgres"), seconds=60)
        psql = [
            "exec",
            "-e",
            f"PGPASSWORD={made.secrets['POSTGRES_PASSWORD']}",
            made.container("postgres"),
            "psql",
        ]
        psql += ["-h", "127.0.0.1", "-U", "mailworker", "-q"]
        made.podman(*psql, "-d", "postgres", "-c", "CREATE DATABASE crm")
        made.podman(*psql, "-d", "crm", "-c", CRM_TABLES)
        made.compose("run", "--rm", "--no-deps", "migrate")
        made.compose("up", "-d", "--no-build", "--no-deps", "simulator", *LASTING[2:])
        yield made
    finally:
        made.compose("down", "-v", check=False)


@pytest.fixture(scope="module")
def healthy(site: Site) -> Site:
    for service in LASTING:
        assert wait_until(lambda: site.is_healthy(service), seconds=120), f"{service}:\n{site.log(service)}"  # noqa: B023 - used at once
    return site


def arrived(site: Site, custom_id: str) -> int:
    where = f"http://127.0.0.1:8025/_simulator/messages?custom_id={custom_id}"
    code = f"from urllib.request import urlopen; print(urlopen('{where}').read().decode())"
    told = json.loads(site.podman("exec", site.container("simulator"), "python", "-c", code).stdout)
    return len(told["messages"])


def test_every_service_is_healthy_and_none_started_twice(healthy: Site):
    for service in LASTING:
        state = healthy.inspect(service)
        assert state["State"]["Running"], healthy.log(service)
        assert state["RestartCount"] == 0


@pytest.mark.parametrize("service", LASTING)
def test_a_container_may_do_no_more_than_it_must(healthy: Site, service: str):
    found = healthy.inspect(service)
    host = found["HostConfig"]
    allowed = {f"CAP_{name}" for name in COMPOSE["services"][service].get("cap_add", ())}
    assert set(found["EffectiveCaps"] or ()) <= allowed
    assert host["ReadonlyRootfs"] is True
    assert "no-new-privileges" in host["SecurityOpt"]
    assert host["PidsLimit"] == COMPOSE["services"][service]["pids_limit"]
    assert host["Memory"] > 0
    bound = [one["HostIp"] for ports in (host["PortBindings"] or {}).values() for one in ports]
    assert set(bound) <= {"127.0.0.1"}


def test_no_container_has_a_secret_that_it_does_not_use(healthy: Site):
    for service in LASTING:
        given = COMPOSE["services"][service].get("environment", {})
        asked = [f"${{{name}}}" if value is None else value for name, value in given.items()]
        env = dict(line.split("=", 1) for line in healthy.inspect(service)["Config"]["Env"])
        values = {env[name] for name in env if SECRET.search(name)}
        for name, secret in healthy.secrets.items():
            if not any(f"${{{name}" in value for value in asked):
                assert secret not in values, f"{service} has {name}"


@pytest.mark.parametrize("service", [*WORKERS, "beat", "flower", "webhook"])
def test_a_container_that_still_loads_ends_when_it_is_asked(healthy: Site, service: str):
    """Its first process is one that passes signals on: Python itself, as the first, would not notice them while it loads."""
    first = healthy.podman("exec", healthy.container(service), "cat", "/proc/1/comm").stdout.strip()
    assert first in {"catatonit", "podman-init", "docker-init", "tini"}


def test_no_start_compiles_python_anew(healthy: Site):
    code = (
        "import os, sys, mailworker.cli.doctor, mailworker.container, tasks.app\n"
        "found = [getattr(module, '__cached__', None) for module in list(sys.modules.values())]\n"
        "print([path for path in found if path and not os.path.exists(path)])"
    )
    assert healthy.podman("exec", healthy.container("urgent"), "python", "-c", code).stdout.strip() == "[]"


def test_redis_wants_its_password_on_loopback(healthy: Site):
    with pytest.raises(AuthenticationError), Redis(port=healthy.port) as nobody:
        nobody.ping()


def test_a_client_on_the_host_sends_mail(healthy: Site):
    client = MailClient(healthy.redis_url)
    id_ = client.send(
        VERIFICATION,
        {"email": "ana@client.example", "name": "Ana"},
        {"user_name": "Ana", "verification_url": "https://crm.example/verify/1"},
    )
    client.close()
    assert wait_until(lambda: arrived(healthy, id_) == 1, seconds=60), healthy.log("urgent")


def test_the_webhook_the_page_and_flower_ask_for_their_passwords(healthy: Site):
    events = "http://127.0.0.1:8070/mailjet/events"
    login = ("mailjet", healthy.secrets["WEBHOOK_PASSWORD"])
    assert requests.post(events, json=[], timeout=10).status_code == 401
    assert requests.post(events, json=[], auth=login, timeout=10).status_code == 200
    page = "http://127.0.0.1:8070/"
    assert requests.get(page, timeout=10).status_code == 401
    assert (
        requests.get(page, auth=("ops", healthy.secrets["OPERATOR_PASSWORD"]), timeout=10).status_code == 200
    )
    flower = "http://127.0.0.1:5555/workers"
    assert requests.get(flower, timeout=10).status_code == 401
    user, password = healthy.secrets["FLOWER_BASIC_AUTH"].split(":")
    assert requests.get(flower, auth=(user, password), timeout=10).status_code == 200


def test_the_doctor_finds_nothing(healthy: Site):
    told = healthy.compose(
        "run", "--rm", "--no-deps", "ops", "mailworker", "doctor", "--offline", "--json", check=False
    )
    assert "Fontconfig error" not in told.stdout + told.stderr, "nothing but the answer is shown"
    document = json.loads(told.stdout[told.stdout.index("{") :])
    assert [check for check in document["checks"] if check["faults"]] == []


def test_one_more_render_worker(healthy: Site):
    healthy.compose("up", "-d", "--no-build", "--no-deps", "--scale", "render=2", "render")
    names = healthy.podman("ps", "--format", "{{.Names}}").stdout.split()
    healthy.podman("rm", "-f", "-t", "5", f"{PROJECT}_render_2")  # `down` would forget it
    assert sum("_render_" in name for name in names) == 2


def test_the_ledger_is_backed_up_and_restored_as_the_page_says(healthy: Site):
    """docs/backup.md, command by command."""
    readers = ("urgent", "normal", "bulk", "render", "contacts", "beat", "webhook")
    shell = ["exec", "-T", "postgres"]
    dump = healthy.compose(*shell, "pg_dump", "-U", "mailworker", "-Fc", "mailworker", text=False).stdout
    healthy.compose("stop", *readers)
    healthy.compose(*shell, "dropdb", "-U", "mailworker", "mailworker")
    healthy.compose(*shell, "createdb", "-U", "mailworker", "mailworker")
    healthy.compose(*shell, "pg_restore", "-U", "mailworker", "-d", "mailworker", input=dump, text=False)
    status = healthy.compose("run", "--rm", "--no-deps", "ops", "mailworker", "ledger", "status")
    assert "They fit." in status.stdout
    healthy.compose("start", *readers)
    for service in readers:
        assert wait_until(lambda: healthy.is_healthy(service), seconds=120), healthy.log(service)  # noqa: B023
