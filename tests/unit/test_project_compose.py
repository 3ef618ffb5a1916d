"""docker-compose.yml: every queue served, one beat, nothing open to the world, time to stop gracefully."""

import re
from pathlib import Path
from typing import Any

import pytest
import typer.main
import yaml

from mailworker.cli import build
from mailworker.cli.local_stack.production_workers import PRODUCTION_WORKERS
from mailworker.queue.celery_queues import QUEUES
from mailworker.tasks.app import app

ROOT = Path(__file__).parents[2]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OVERRIDE = yaml.safe_load((ROOT / "docker-compose.simulator.yml").read_text("utf-8"))
WORKERS = {name: s for name, s in SERVICES.items() if " worker " in s.get("command", "")}
#: Those that `up` starts and that go on.
LASTING = {name: s for name, s in SERVICES.items() if name not in {"migrate", "ops"}}
OURS = {name: s for name, s in SERVICES.items() if s["image"] == "mailworker"}
_NEEDS = re.compile(r"\$\{(\w+)")


def seconds(text: str) -> int:
    return int(text.removesuffix("s"))


def queues_of(command: str) -> tuple[str, ...]:
    return tuple(re.search(r"-Q (\S+)", command)[1].split(","))


def test_every_queue_has_a_worker_in_compose():
    served = {queue for worker in WORKERS.values() for queue in queues_of(worker["command"])}
    assert served == set(QUEUES)


def test_every_queue_has_a_worker_in_the_servers_of_the_command_line():
    assert {queue for process in PRODUCTION_WORKERS for queue in process.queues} == set(QUEUES)


def test_both_have_the_same_workers():
    in_compose = {
        (name, queues_of(s["command"]), int(re.search(r"-c (\d+)", s["command"])[1]))
        for name, s in WORKERS.items()
    }
    assert in_compose == {
        (process.name, process.queues, process.concurrency) for process in PRODUCTION_WORKERS
    }


def test_there_is_exactly_one_beat():
    assert [name for name, s in SERVICES.items() if "-A tasks beat" in s.get("command", "")] == ["beat"]
    assert "replicas" not in str(SERVICES["beat"])
    assert "-B" not in str([s["command"] for s in WORKERS.values()])


@pytest.mark.parametrize("name", WORKERS)
def test_a_worker_may_finish_its_call(name: str):
    service = WORKERS[name]
    assert seconds(service["stop_grace_period"]) > app.conf.task_time_limit
    assert service["environment"]["NODE"] == name


@pytest.mark.parametrize("name", LASTING)
def test_a_service_is_watched_and_bounded(name: str):
    service = SERVICES[name]
    assert service["restart"] == "unless-stopped"
    assert "healthcheck" in service
    assert "mem_limit" in service
    assert "stop_grace_period" in service


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_may_do_no_more_than_it_must(name: str):
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert 0 < service["pids_limit"] <= 256
    assert set(service["logging"]["options"]) == {"max-size", "max-file"}
    if name in OURS:
        assert "cap_add" not in service
        assert service["init"] is True


#: What a service may know. Everything else in its environment is no secret.
LEDGER, MAILJET = {"REDIS_PASSWORD", "POSTGRES_PASSWORD"}, {"MAILJET_API_KEY", "MAILJET_API_SECRET"}
CRM = {"CRM_DATABASE_URL", "OMNICRM_API_KEY", "CGRATES_API_PASS", "CALLBACK_SECRET"}
WEB = {"WEBHOOK_PASSWORD", "OPERATOR_PASSWORD", "OCS_PASSWORD"}
KNOWS = {
    "redis": {"REDIS_PASSWORD"},
    "postgres": {"POSTGRES_PASSWORD"},
    "migrate": LEDGER,
    **dict.fromkeys(("urgent", "normal", "bulk", "contacts"), LEDGER | MAILJET | CRM),
    "render": LEDGER | CRM,
    "beat": {"REDIS_PASSWORD"},
    "flower": {"REDIS_PASSWORD", "FLOWER_BASIC_AUTH"},
    "webhook": LEDGER | WEB,
    "ops": LEDGER | MAILJET | CRM | WEB,
}


def test_each_service_gets_its_own_secrets_and_no_other():
    assert {name: set(_NEEDS.findall(str(s["environment"]))) for name, s in SERVICES.items()} == KNOWS


def test_env_example_names_exactly_what_compose_asks_for():
    text = (ROOT / ".env.example").read_text("utf-8")
    named = set(re.findall(r"^(\w+)=", text, re.MULTILINE))
    assert named | {"REDIS_PORT"} == set(_NEEDS.findall((ROOT / "docker-compose.yml").read_text("utf-8")))
    assert set(re.findall(r"^\w+=(.+)$", text, re.MULTILINE)) == set(), "an example of a secret gets used"


def test_a_buckets_key_and_the_place_of_traces_reach_the_workers_where_env_names_them():
    """A variable without a value is passed on where there is one: an empty one would be a wrong one."""
    passed = {
        name: {key for key, value in service.get("environment", {}).items() if value is None}
        for name, service in SERVICES.items()
    }
    example = (ROOT / ".env.example").read_text("utf-8")
    named = set(re.findall(r"^# (\w+)=$", example, re.MULTILINE))
    workers = {"urgent", "normal", "bulk", "render", "contacts", "ops"}
    assert {name: found for name, found in passed.items() if found} == dict.fromkeys(workers, named)
    assert {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_ENDPOINT_URL_S3"} < named


def test_env_goes_into_no_commit_and_no_image():
    for file in (".gitignore", ".dockerignore"):
        assert ".env" in (ROOT / file).read_text("utf-8").split()


def test_only_loopback_is_published():
    published = {name: s["ports"] for name, s in SERVICES.items() if "ports" in s}
    assert set(published) == {"flower", "webhook", "redis"}
    assert all(port.startswith("127.0.0.1:") for ports in published.values() for port in ports)


def test_redis_keeps_what_it_was_given():
    command = " ".join(SERVICES["redis"]["command"])
    for promise in (
        "--appendonly yes",
        "--appendfsync always",
        "--maxmemory-policy noeviction",
        "--requirepass",
    ):
        assert promise in command


def test_flower_asks_for_a_password_and_no_secret_stands_in_the_file():
    assert SERVICES["flower"]["environment"]["FLOWER_BASIC_AUTH"].startswith("${FLOWER_BASIC_AUTH:?")
    for service in SERVICES.values():
        for key, value in service.get("environment", {}).items():
            if re.search("PASSWORD|SECRET|AUTH", key):
                assert value is None or value.startswith("${"), key


def test_images_are_pinned_by_exact_version():
    base = re.search(r"^ARG BASE=(\S+)$", (ROOT / "Dockerfile").read_text("utf-8"), re.MULTILINE)[1]
    for image in (base, SERVICES["redis"]["image"], SERVICES["postgres"]["image"]):
        assert re.search(r":\d+\.\d+", image), image


def test_nobody_works_before_the_ledger_has_its_tables():
    for name in (*WORKERS, "webhook"):
        assert SERVICES[name]["depends_on"]["migrate"]["condition"] == "service_completed_successfully"


def test_commands_of_ours_exist():
    known = set(typer.main.get_command(build()).commands)
    for service in (SERVICES | OVERRIDE["services"]).values():
        words = str(service.get("command", "")).split()
        if words[:1] != ["mailworker"]:
            continue
        assert words[1] in known


def test_who_calls_mailjet_reaches_the_local_one_on_its_own_loopback():
    for name in ("urgent", "normal", "bulk", "contacts"):
        service = OVERRIDE["services"][name]
        assert service["network_mode"] == "service:simulator"
        assert service["environment"]["MAILJET_API_URL"].startswith("http://127.0.0.1:")
    assert set(OVERRIDE["services"]) - {"simulator"} <= set(WORKERS)
