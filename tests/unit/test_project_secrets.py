"""The documented configuration in each service of docker-compose.yml: what a service uses, it has; no other stops it."""

import re
from pathlib import Path

import pytest

from mailworker.config.settings import Settings, parse_settings
from mailworker.container import Container
from mailworker.core.masked_secret import Secret
from mailworker.errors import MailworkerError
from mailworker.mailjet.gateway import Gateway
from mailworker.web import create_app
from tests.image.compose import COMPOSE, DOCUMENTED, ROOT

SHIPPED = (ROOT / "crm_config.yaml").read_text("utf-8")
WORKERS = ("urgent", "normal", "bulk", "contacts")
OURS = (*WORKERS, "render", "beat", "flower", "webhook", "migrate", "ops")


def environment(service: str) -> dict[str, str]:
    """What compose gives it, `.env` filled in."""
    given = COMPOSE["services"][service]["environment"]
    return {name: re.sub(r"\$\{(\w+)[^}]*\}", r"secret-of-\1", str(value)) for name, value in given.items()}


def settings_of(service: str) -> Settings:
    return parse_settings(SHIPPED + DOCUMENTED, environ=environment(service))


def revealed(secret: Secret | None) -> str:
    assert secret is not None
    return secret.reveal()


@pytest.mark.parametrize("service", OURS)
def test_the_documented_configuration_is_read_in_every_service(service: str):
    settings = settings_of(service)
    assert "secret-of-REDIS_PASSWORD" in settings.worker.redis_url
    assert settings.reminders.enabled


@pytest.mark.parametrize("service", [*WORKERS, "ops"])
def test_who_sends_has_mailjets_keys_and_the_crm(service: str):
    settings = settings_of(service)
    assert revealed(settings.mailjet.api_key) == "secret-of-MAILJET_API_KEY"
    assert "secret-of-POSTGRES_PASSWORD" in settings.worker.database_url
    container = Container(settings)
    assert isinstance(container.gateway, Gateway)
    with pytest.raises(MailworkerError, match="url"):  # it is looked up: "secret-of-..." is no database's URL
        _ = container.crm


def test_the_webhook_has_its_passwords_and_no_key_of_mailjets():
    settings = settings_of("webhook")
    assert revealed(settings.web.webhook_password) == "secret-of-WEBHOOK_PASSWORD"
    assert revealed(settings.web.operator_password) == "secret-of-OPERATOR_PASSWORD"
    assert revealed(settings.mailjet.api_key).startswith("your_")
    create_app(Container(settings))


@pytest.mark.parametrize("service", ["beat", "flower", "render", "urgent"])
def test_who_does_not_serve_the_web_has_none_of_its_passwords(service: str):
    with pytest.raises(MailworkerError, match="WEBHOOK_PASSWORD"):
        revealed(settings_of(service).web.webhook_password)


def test_the_page_for_systemd_names_the_same_files():
    named = set(re.findall(r"`([\w-]+)\.env`", (ROOT / "docs/systemd.md").read_text("utf-8")))
    there = {path.stem for path in Path(ROOT / "deploy/systemd/env").glob("*.env")}
    assert {name for name in named if not name.startswith("worker-")} == {
        name for name in there if not name.startswith("worker-")
    }


#: The shipped configuration with every place and password written as `${NAME}`.
NAMED = {"redis_url": "REDIS_URL", "database_url": "DATABASE_URL"}
OF_SERVICES = {
    "beat": {"REDIS_URL"},
    "flower": {"REDIS_URL"},
    "migrate": {"DATABASE_URL"},
    "webhook": {"REDIS_URL", "DATABASE_URL"},
}


def named_settings(environ: dict[str, str]) -> Settings:
    text = "\n".join(f'  {name}: "${{{variable}}}"' for name, variable in NAMED.items())
    blocks = "mailjet: {api_key: k, api_secret: s}\n"
    return parse_settings(f"{blocks}worker:\n{text}\n", environ=environ)


PLACES = {"REDIS_URL": "redis://127.0.0.1:6399/0", "DATABASE_URL": "sqlite://"}


@pytest.mark.parametrize("service", OF_SERVICES)
def test_a_service_needs_the_places_that_it_uses_and_no_other(service: str):
    has = {name: PLACES[name] for name in OF_SERVICES[service]}
    settings = named_settings(has)
    for name, variable in NAMED.items():
        if variable in has:
            assert getattr(settings.worker, name) == PLACES[variable]


@pytest.mark.parametrize(
    ("missing", "use"),
    [
        ("REDIS_URL", lambda container: container.redis),
        ("DATABASE_URL", lambda container: container.ledger),
    ],
)
def test_whoever_uses_a_place_that_is_not_set_hears_which_variable_to_set(missing: str, use):
    settings = named_settings({name: url for name, url in PLACES.items() if name != missing})
    with pytest.raises(MailworkerError, match=f"needs the environment variable {missing}"):
        use(Container(settings))
