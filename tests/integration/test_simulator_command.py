"""`mailworker simulator` as a person starts it."""

import pytest
import typer
from typer.testing import CliRunner

from mailworker.cli.simulator import command
from mailworker.errors import BadInput, ConfigError
from mailworker.simulator.settings import TemplateUse

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
