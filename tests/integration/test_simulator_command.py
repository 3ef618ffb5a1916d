"""`mailworker simulator` as a person starts it."""

import pytest
import typer
from typer.testing import CliRunner

from mailworker.cli.doctor_checks import mailjet
from mailworker.cli.simulator import command
from mailworker.config.settings import parse_settings
from mailworker.container import Container
from mailworker.core.masked_secret import Secret
from mailworker.errors import BadInput, ConfigError
from mailworker.simulator import running
from mailworker.simulator.settings import TemplateUse
from tests.integration.test_doctor_mailjet import FreeBucket

app = typer.Typer()
app.command()(command)

CONFIG = """
mailjet:
  api_key: k
  api_secret: s
  calls_per_minute: 20
  api_crmCommunicationsBalanceLow:
    from_email: support@yourcompany.com
    from_name: Support
    template_id: 7
    subject: Alerte de solde bas
    languages:
      en: {template_id: 8, subject: Low balance}
"""


def test_another_host_than_loopback_is_refused_in_one_sentence():
    outcome = CliRunner().invoke(app, ["--host", "0.0.0.0"])
    assert isinstance(outcome.exception, BadInput)
    assert "does not listen on '0.0.0.0'" in str(outcome.exception)


def test_a_missing_configuration_is_told(tmp_path):
    outcome = CliRunner().invoke(app, ["--config", str(tmp_path / "none.yaml")])
    assert isinstance(outcome.exception, ConfigError)
    assert "none.yaml" in str(outcome.exception)


@pytest.mark.parametrize(("options", "calls"), [([], 20), (["--calls-per-minute", "0"], 0)])
def test_the_configuration_gives_credentials_limits_and_templates(tmp_path, monkeypatch, options, calls):
    served = []
    monkeypatch.setattr("mailworker.simulator.server.serve", served.append)
    path = tmp_path / "crm_config.yaml"
    path.write_text(CONFIG, encoding="utf-8")
    outcome = CliRunner().invoke(app, ["--config", str(path), "--port", "0", *options])
    assert outcome.exit_code == 0, outcome.output
    (settings,) = served
    assert (settings.api_key, settings.api_secret.reveal(), settings.calls_per_minute) == ("k", "s", calls)
    kind = "api_crmCommunicationsBalanceLow"
    assert settings.templates == {7: TemplateUse(kind, "fr"), 8: TemplateUse(kind, "en")}


def started(monkeypatch, *options):
    """The settings with which the local Mailjet was started."""
    served = []
    monkeypatch.setattr("mailworker.simulator.server.serve", served.append)
    outcome = CliRunner().invoke(app, ["--port", "0", *options])
    if outcome.exception:
        raise outcome.exception
    return served[0]


@pytest.mark.parametrize("odd", ["claire.dupont", "@example.com", "*@", "claire@exam ple.com", ""])
def test_a_sender_that_is_none_is_refused_and_not_repeated(monkeypatch, odd):
    with pytest.raises(BadInput) as refused:
        started(monkeypatch, "--sender", "a@b.example", "--sender", odd)
    assert "senders: the 2. of them is neither an address" in str(refused.value)
    assert "claire" not in str(refused.value)


@pytest.mark.parametrize(
    ("senders", "from_email", "is_named"),
    [
        ((), "support@yourcompany.com", False),
        (("support@yourcompany.com",), "support@yourcompany.com", False),
        (("*@YourCompany.com",), "support@yourcompany.com", False),
        (("*@bücher.example",), "aide@bücher.example", False),
        (("aide@bücher.example",), "aide@xn--bcher-kva.example", False),
        (("support@yourcompany.com",), "suport@yourcompany.com", True),
        (("*@yourcompany.com",), "support@yourcompagny.com", True),
        (("*@yourcompany.com",), "support@mail.yourcompany.com", True),
        (("*@bücher.example",), "aide@bucher.example", True),
    ],
)
def test_the_doctor_names_a_sender_that_is_not_among_those_named(monkeypatch, senders, from_email, is_named):
    options = [part for one in senders for part in ("--sender", one)]
    given = started(monkeypatch, *options)
    with running(senders=given.senders, api_key="k", api_secret=Secret("s"), calls_per_minute=0) as local:
        text = CONFIG.replace("support@yourcompany.com", from_email) + f"  api_url: {local.url}/\n"
        container = Container(parse_settings(text, environ={}))
        container.__dict__["bucket"] = FreeBucket()
        found = {one.name: one for one in mailjet.examine(container, None)}
        container.gateway.close()
    named = [f"{from_email} is not an active sender: validate it, or its domain, in Mailjet's account."]
    assert found["Mailjet: senders"].faults == (named if is_named else [])
    assert found["Mailjet: sender domains"].sentences == ()
