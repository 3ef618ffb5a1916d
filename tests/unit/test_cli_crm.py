"""`mailworker crm queries|paths`: a block to copy for people, the same as JSON for programs."""

import json

import pytest
import yaml
from typer.testing import CliRunner

from mailworker.cli import build
from mailworker.cli.local_stack.trial_config import trial_config

BLOCK = "crm:\n  source: sql   # as it is now\n  sql:\n    queries:\n      invoices: SELECT 1\n"


@pytest.mark.parametrize("command", ["queries", "paths"])
def test_the_block_says_the_same_in_both(command, tmp_path, monkeypatch):
    own = {"crm": {"source": "http", "http": {"base_url": "http://127.0.0.1:1", "api_key": "k"}}}
    (tmp_path / "crm_config.yaml").write_text(trial_config(own), encoding="utf-8")
    monkeypatch.setenv("CRM_CONFIG", str(tmp_path / "crm_config.yaml"))
    monkeypatch.setattr("mailworker.crm.print_crm_block.queries_block", lambda _rows: BLOCK)
    monkeypatch.setattr("mailworker.crm.print_crm_block.http_block", lambda *_: BLOCK)
    monkeypatch.setattr("mailworker.crm.openapi_fetch.fetch_description", lambda _http: ("", {}))
    monkeypatch.setattr("mailworker.crm.openapi.described", lambda _document: None)

    def printed(*words):
        done = CliRunner().invoke(build(), ["crm", command, *words])
        assert done.exit_code == 0, (done.output, done.exception)
        return done.stdout

    assert printed() == BLOCK
    assert json.loads(printed("--json")) == yaml.safe_load(BLOCK)
