"""docs/systemd.md, followed in a machine of its own whose first process is systemd."""

import re
from collections.abc import Iterator

import pytest

from tests.image.compose import ROOT, build_image, confine, run, wait_until

pytestmark = [pytest.mark.image, pytest.mark.timeout(2400)]

IMAGE, NAME = "localhost/mailworker-systemd", "mailworker-systemd-test"
UNITS = [
    *(f"mailworker-worker@{name}" for name in ("urgent", "normal", "bulk", "render", "contacts")),
    "mailworker-beat",
    "mailworker-webhook",
    "mailworker-flower",
]
PAGE = (ROOT / "docs/systemd.md").read_text("utf-8")
#: Debian's packages, the virtual environment and PostgreSQL: the image has them, or does without.
_NOT_HERE = re.compile(r"apt-get|python3 -m venv|bin/pip|su - postgres|\$EDITOR|mailworker-run doctor")
SEND = """
import json
from importlib.resources import files
from mailworker.client import MailClient
invoice = json.loads((files("mailworker.cli.demo_run") / "facture.json").read_text())
print(MailClient("redis://:PASSWORD@127.0.0.1:6379/0").send_invoice(invoice=invoice))
"""


def commands() -> list[str]:
    """The page's commands, in their order."""
    blocks = re.findall(r"```console\n(.*?)```", PAGE, re.DOTALL)
    lines = [line for block in blocks for line in block.replace("\\\n", "").splitlines()]
    return [line.removeprefix("# ") for line in lines if not _NOT_HERE.search(line)]


class Machine:
    def __call__(self, command: str, *, check: bool = True) -> str:
        return run("podman", "exec", NAME, "sh", "-ec", command, check=check, timeout=200).stdout


@pytest.fixture(scope="module")
def machine(tmp_path_factory) -> Iterator[Machine]:
    confine(tmp_path_factory.mktemp("engine"))
    build_image()
    run(str(ROOT / "tests/image/systemd.sh"), IMAGE, timeout=900)
    run("podman", "rm", "-f", "-t", "5", NAME, check=False)  # of a run that was cut off
    run("podman", "run", "-d", "--name", NAME, "--systemd=always", "--privileged", "--network", "none", IMAGE)
    made = Machine()
    try:
        assert wait_until(lambda: "running" in made("systemctl is-system-running || true"), seconds=60)
        for command in commands():
            if "systemctl enable" in command:  # what the page's $EDITOR would have written
                made("echo FLOWER_BASIC_AUTH=ops:x >/etc/mailworker/flower.env")
            if "ledger migrate" in command:
                made("echo DATABASE_URL=sqlite:////var/lib/mailworker/l.db >/etc/mailworker/ledger.env")
            made(command)
        yield made
    finally:
        run("podman", "rm", "-f", "-t", "5", NAME, check=False)


def are_active(machine: Machine) -> bool:
    told = machine(f"systemctl is-active {' '.join(UNITS)} || true").split()
    return told == ["active"] * len(UNITS)


def workers_answer(machine: Machine) -> bool:
    said = machine("mailworker-run doctor --only workers --only beat || true")
    return "✓ every queue has a worker" in said and "✓ exactly one beat runs" in said


def test_everything_runs_and_the_doctor_sees_it(machine: Machine):
    assert wait_until(lambda: are_active(machine), seconds=60)
    assert wait_until(lambda: workers_answer(machine), seconds=90), machine("journalctl --no-pager -n 50")
    assert machine("systemctl show -p NRestarts --value " + " ".join(UNITS)).split() == ["0"] * len(UNITS)


def test_a_hardened_render_worker_still_makes_invoices(machine: Machine):
    id_ = machine(f"python3 -c '{SEND}'").strip()

    def prepared() -> bool:
        return '"size"' in machine("mailworker-run messages show " + id_) or " bytes, sha256 " in machine(
            "mailworker-run messages show " + id_
        )

    assert wait_until(prepared, seconds=60), machine(
        "journalctl -u mailworker-worker@render --no-pager -n 30"
    )


def test_files_are_for_their_user_alone(machine: Machine):
    others = machine("find /var/lib/mailworker -perm /0077 -not -type l -not -path '*/.cache*'")
    assert others == ""
    assert machine("find /etc/mailworker -name '*.env' -perm /0077") == ""


def test_a_reload_keeps_the_process_and_a_stop_is_clean(machine: Machine):
    def main_pid() -> str:
        return machine("systemctl show -p MainPID --value mailworker-worker@urgent").strip()

    before = main_pid()
    machine("systemctl reload 'mailworker-worker@*'")
    assert wait_until(lambda: workers_answer(machine), seconds=90)
    assert main_pid() == before
    machine("systemctl stop mailworker.target")

    def are_gone() -> bool:
        return machine(f"systemctl is-active {' '.join(UNITS)} || true").split() == ["inactive"] * len(UNITS)

    assert wait_until(are_gone, seconds=130)
