"""`mailworker dev` with an operator's own configuration: their own kind, and what became of its mail."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import requests
import yaml

from mailworker.cli.local_stack import wait_until
from mailworker.cli.local_stack.redis_server import free_port
from mailworker.client import MailClient
from mailworker.config.settings import load_settings
from mailworker.simulator import ControlClient
from tests.acceptance.conftest import HEARS_CTRL_C

pytestmark = pytest.mark.acceptance

OWN = "api_crmCommunicationContractSigned"
CONFIG = {
    "mailjet": {
        "api_key": "${MAILJET_API_KEY}",
        "api_secret": "${MAILJET_API_SECRET}",
        OWN: {
            "from_email": "hello@example.com",
            "from_name": "Own",
            "template_id": 4711,
            "subject": "Contrat",
            "variables": ["customer_name"],
        },
    },
    "OmniCRMs_own_section": {"left": "alone"},
}


def test_an_operators_own_file_runs_on_this_machine(tmp_path: Path):
    file = tmp_path / "own.yaml"
    file.write_text(yaml.safe_dump(CONFIG), encoding="utf-8")
    inbox, web, redis = free_port(), free_port(), free_port()
    ports = ["--port", str(inbox), "--web-port", str(web), "--redis-port", str(redis)]
    command = [
        *HEARS_CTRL_C,
        sys.executable,
        "-m",
        "mailworker",
        "dev",
        "--config",
        str(file),
        "--folder",
        str(tmp_path / "dev"),
    ]
    environ = {name: value for name, value in os.environ.items() if name not in {"REDIS_URL", "DATABASE_URL"}}
    with (tmp_path / "said").open("wb") as said:
        dev = subprocess.Popen([*command, *ports], stdout=said, stderr=said, env=environ)
    try:
        text = (tmp_path / "said").read_text
        assert wait_until(lambda: dev.poll() is not None or "Ctrl-C ends" in text(), seconds=100), text()
        assert dev.poll() is None, text()
        client = MailClient(
            f"redis://127.0.0.1:{redis}/0", kinds=_kinds(tmp_path / "dev" / "crm_config.yaml")
        )
        id_ = client.send(OWN, "ada@example.com", {"customer_name": "Ada"})
        client.close()
        page = f"http://127.0.0.1:{web}/messages/{id_}"
        operator = ("operator", "operator")

        def delivered() -> bool:
            answer = requests.get(page, auth=operator, timeout=10)
            return answer.status_code == 200 and "delivered" in answer.text

        assert wait_until(delivered, seconds=60), "the local Mailjet's events reach the ledger"
        mails = ControlClient(f"http://127.0.0.1:{inbox}").messages()
        assert len(mails) == 1, "an empty inbox but for one's own mail"
    finally:
        dev.send_signal(signal.SIGINT)
        dev.wait(60)
    assert dev.returncode == 0, text()


def _kinds(config: Path):

    return load_settings(config, {}).kinds
