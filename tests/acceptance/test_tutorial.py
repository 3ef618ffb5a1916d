"""docs/tutorial.md, typed word for word by somebody whose checkout is fresh: each command works, and the mails arrive.

The installation that it runs, `mailworker dev --config`, takes a caller's mail of the operator's own kind, too.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import requests

from mailworker.cli.local_stack import wait_until
from mailworker.cli.local_stack.redis_server import free_port
from mailworker.client import MailClient
from mailworker.config.settings import load_settings
from mailworker.simulator import ControlClient
from tests.acceptance.conftest import HEARS_CTRL_C

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(400)]

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "tutorial.md").read_text("utf-8")
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
OWN = "api_crmCommunicationContractSigned"
START = "mailworker dev --config my_config.yaml"


def typed() -> list[str]:
    """Every command of the page, in order."""
    text = "".join(body for kind, body in _BLOCK.findall(PAGE) if kind == "console")
    return [line.removeprefix("$ ") for line in text.splitlines() if line.startswith("$ ")]


class Reader:
    """Who follows the page, in a shell of theirs."""

    def __init__(self, checkout: Path) -> None:
        kept = {name: one for name, one in os.environ.items() if name not in {"REDIS_URL", "DATABASE_URL"}}
        self.environ = kept | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
        self.folder = checkout
        self.ports = [free_port() for _ in range(3)]
        self.inbox = ControlClient(f"http://127.0.0.1:{self.ports[0]}")

    def types(self, line: str) -> str:
        """What a command says; it has to work."""
        if line == "mkdir try && cd try":
            self.folder /= "try"
            self.folder.mkdir()
            blocks = [body for kind, body in _BLOCK.findall(PAGE) if kind == "yaml"]
            (self.folder / "my_config.yaml").write_text("\n".join(blocks), "utf-8")
            return ""
        if line.startswith("export CRM_CONFIG=$PWD/"):
            self.environ["CRM_CONFIG"] = str(self.folder / "var/dev/crm_config.yaml")
            return ""
        if line.startswith("mailworker campaign create"):
            assert wait_until(self._list_is_in_line, seconds=60), self.types("mailworker contacts status")
        done = subprocess.run(
            ["bash", "-c", line],
            cwd=self.folder,
            env=self.environ,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def _list_is_in_line(self) -> bool:
        segment = json.loads(self.types("mailworker campaign segment 'city = \"Lyon\"' --json"))
        return segment["reachable"] > 0 == segment["outside"]

    def starts(self) -> subprocess.Popen[bytes]:
        """The command that goes on, on free ports."""
        names = ("--port", "--web-port", "--redis-port")
        ports = [one for pair in zip(names, map(str, self.ports), strict=True) for one in pair]
        with (self.folder / "said").open("wb") as said:
            dev = subprocess.Popen(
                [*HEARS_CTRL_C, *START.split(), *ports],
                stdout=said,
                stderr=said,
                cwd=self.folder,
                env=self.environ,
            )
        text = (self.folder / "said").read_text
        assert wait_until(lambda: dev.poll() is not None or "Ctrl-C ends" in text(), seconds=120), text()
        assert dev.poll() is None, text()
        return dev


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    one = Reader(tmp_path)
    dev: list[subprocess.Popen[bytes]] = []
    for line in typed()[: typed().index(START)]:
        one.types(line)
    dev.append(one.starts())
    assert one.inbox.messages() == [], "an empty inbox but for one's own mail"
    yield one
    dev[0].send_signal(signal.SIGINT)
    assert dev[0].wait(90) == 0


def test_the_page_word_for_word(reader: Reader) -> None:
    said = {line: reader.types(line) for line in typed()[typed().index(START) + 1 :]}
    assert "F-2026-1" in said["mailworker reminders run --dry-run"]
    assert (reader.folder / "facture.pdf").read_bytes().startswith(b"%PDF")

    def subjects(to: str) -> set[str]:
        return {str(one["subject"]) for one in reader.inbox.messages(to=to)}

    expected = {"Votre contrat contract_number", "Votre Facture - FA-2026-004217", "La fibre arrive"}
    assert wait_until(lambda: expected <= subjects("you@example.com"), seconds=60), subjects(
        "you@example.com"
    )
    assert wait_until(lambda: "La fibre arrive" in subjects("zoe@courriel.example"), seconds=60)
    assert "La fibre arrive" not in subjects("compta@quai8.example"), "who lives in Marseille"
    _takes_a_callers_mail_of_their_own_kind(reader)


def _takes_a_callers_mail_of_their_own_kind(reader: Reader) -> None:
    kinds = load_settings(Path(reader.environ["CRM_CONFIG"]), {}).kinds
    values = {"customer_name": "Ada", "contract_number": "7", "contract_url": "https://crm.example/c/7"}
    with closing(MailClient(f"redis://127.0.0.1:{reader.ports[2]}/0", kinds=kinds)) as client:
        id_ = client.send(OWN, "ada@example.com", values)
    page = f"http://127.0.0.1:{reader.ports[1]}/messages/{id_}"

    def delivered() -> bool:
        answer = requests.get(page, auth=("operator", "operator"), timeout=10)
        return answer.status_code == 200 and "delivered" in answer.text

    assert wait_until(delivered, seconds=60), "the local Mailjet's events reach the ledger"
    assert len(reader.inbox.messages(to="ada@example.com")) == 1
