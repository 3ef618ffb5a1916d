"""Mailjet's own Node client against the local Mailjet: the calls of its README."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.contract.conftest import environment

pytestmark = pytest.mark.integration

#: What the documentation promises, by the call's name in mailjet.mjs.
STATUS = {
    "send": 200, "sandbox": 200, "partial": 400, "message": 200, "contact": 201, "list": 201, "lists": 201,
    "contacts": 200, "one contact": 200, "metadata": 201, "data": 200, "template": 201, "content": 200,
    "delete template": 204, "sender": 201, "not modelled": 501,
}  # fmt: skip


def test_the_readmes_calls_get_the_documented_answers(mailjet):
    folder = environment("node")
    secret = mailjet.settings.api_secret.reveal()
    program = [
        "node",
        str(Path(__file__).parent / "node" / "mailjet.mjs"),
        mailjet.url,
        mailjet.settings.api_key,
    ]
    done = subprocess.run(
        [*program, secret], cwd=folder, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    got = json.loads(done.stdout)
    assert {name: status for name, (status, _) in got.items()} == STATUS
    assert got["sandbox"][1]["Messages"][0]["To"][0]["MessageID"] == 0
    assert got["message"][1]["Data"][0]["CustomID"] == "node-1"
    assert got["data"][1]["Data"][0]["Data"] == [{"Name": "first_name", "Value": "John"}]
    assert [mail.custom_id for mail in mailjet.mails] == ["node-1", "node-1"]
