"""deploy/systemd: the same house as docker-compose.yml, units that systemd takes and that may do little."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from mailworker.cli.local_stack.production_workers import PRODUCTION_WORKERS
from mailworker.tasks.app import app
from tests.unit.test_project_compose import KNOWS

ROOT = Path(__file__).parents[2]
SYSTEMD = ROOT / "deploy/systemd"
UNITS = sorted(SYSTEMD.glob("*.service"))
#: The worst that systemd may say of a unit: 0 is nothing allowed, 10 everything.
MOST_EXPOSED = 1.6

needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze here")


def settings(unit: Path, name: str) -> list[str]:
    return re.findall(rf"^{name}=(.*)$", unit.read_text("utf-8"), re.MULTILINE)


def env_files(unit: Path) -> set[str]:
    return {Path(one).name for one in settings(unit, "EnvironmentFile")}


def variables(file: Path) -> set[str]:
    return set(re.findall(r"^(\w+)=", file.read_text("utf-8"), re.MULTILINE))


def test_every_worker_has_its_queues_and_no_other():
    for process in PRODUCTION_WORKERS:
        text = (SYSTEMD / f"env/worker-{process.name}.env").read_text("utf-8")
        assert text == f"QUEUES={','.join(process.queues)}\nCONCURRENCY={process.concurrency}\n"
    target = (SYSTEMD / "mailworker.target").read_text("utf-8")
    started = set(re.findall(r"mailworker-worker@(\w+)\.service", target))
    assert started == {process.name for process in PRODUCTION_WORKERS}
    for unit in UNITS:
        assert unit.name in target or "@" in unit.name


def test_a_worker_may_finish_its_call():
    (worker,) = [unit for unit in UNITS if "@" in unit.name]
    assert int(settings(worker, "TimeoutStopSec")[0]) > app.conf.task_time_limit
    assert settings(worker, "KillMode") == ["mixed"]
    assert settings(worker, "ExecReload") == ["/bin/kill -HUP $MAINPID"]


#: A compose service of the same kind; what it knows, a unit may know. Passwords become part of URLs there.
LIKE = {"worker@": "urgent", "beat": "beat", "flower": "flower", "webhook": "webhook"}
SAME = {"REDIS_PASSWORD": "REDIS_URL", "POSTGRES_PASSWORD": "DATABASE_URL"}


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_a_unit_gets_the_secrets_that_it_uses(unit: Path):
    files = {name for name in env_files(unit) if not name.startswith("worker-")}
    told = {name for file in files for name in variables(SYSTEMD / "env" / file)}
    service = LIKE[unit.stem.removeprefix("mailworker-")]
    assert told == {SAME.get(name, name) for name in KNOWS[service]}


@needs_systemd
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_systemd_takes_the_unit_and_finds_it_safe(unit: Path, tmp_path: Path):
    program = tmp_path / "program"
    program.write_text("#!/bin/sh\n", encoding="utf-8")
    program.chmod(0o755)
    for other in (*UNITS, SYSTEMD / "mailworker.target"):
        text = re.sub(r"/opt/mailworker/bin/\w+", str(program), other.read_text("utf-8"))
        (tmp_path / other.name).write_text(text, encoding="utf-8")
    here = tmp_path / unit.name.replace("@.", "@urgent.")
    if "@" in unit.name:
        (tmp_path / unit.name).rename(here)
    taken = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", here],
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    complaints = [line for line in taken.stderr.splitlines() if unit.name.split("@")[0] in line]
    assert complaints == []
    asked = ["systemd-analyze", "security", "--offline=true", "--no-pager", here]
    said = subprocess.run(asked, capture_output=True, encoding="utf-8", check=False).stdout
    assert float(re.search(r"exposure level for \S+: ([\d.]+)", said)[1]) <= MOST_EXPOSED


def test_the_page_installs_every_file():
    page = (ROOT / "docs/systemd.md").read_text("utf-8")
    for name in ("sysusers.conf", "tmpfiles.conf", "mailworker-run", "env/*.env", "*.service", "*.service.d"):
        assert f"deploy/systemd/{name}" in page
