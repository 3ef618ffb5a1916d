"""An upgrade and a roll-back under load, with the code of an earlier version and this one's side by side."""

import os
import subprocess
import sys
import tarfile
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace

import pytest

from mailworker.cli.local_stack import Worker, WorkerProcess, wait_until
from mailworker.ledger import Ledger
from tests.faults.scene import MAIL_QUEUES

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600)]

_ROOT = Path(__file__).parents[2]
#: How many of the ledger's steps the earlier version does not know.
_STEPS_BACK = 5
_QUEUES = (*MAIL_QUEUES, "scans", "render")


def _git(*arguments: str) -> bytes:
    done = subprocess.run(["git", "-C", str(_ROOT), *arguments], capture_output=True, check=False)
    return done.stdout if done.returncode == 0 else b""


@pytest.fixture(scope="module")
def earlier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the code as it was some of the ledger's steps ago."""
    steps = (
        _git("log", "--diff-filter=A", "--format=%H", "--", "mailworker/ledger/migrations").decode().split()
    )
    if len(steps) <= _STEPS_BACK:
        pytest.skip("NOT TESTED: this checkout has no history (git), so there is no earlier version to run")
    folder = tmp_path_factory.mktemp("earlier")
    with tarfile.open(fileobj=BytesIO(_git("archive", steps[_STEPS_BACK], "mailworker"))) as code:
        code.extractall(folder, filter="data")
    return folder


class Versions:
    """Workers of both versions in one installation."""

    def __init__(self, scene, earlier):
        self.scene, self.count = scene, 0
        servers = scene.servers
        # Not the folder that it is started in comes first, but the earlier code.
        environ = servers.environ | {"PYTHONPATH": str(earlier), "PYTHONSAFEPATH": "1"}
        self.old_view = SimpleNamespace(celery=servers.celery, folder=servers.folder, environ=environ)
        self.earlier = earlier

    def old(self):
        self.count += 1
        crew = WorkerProcess("old", _QUEUES, 2)
        worker = Worker(self.old_view, crew, f"old{self.count}@localhost")
        self.scene.servers.children.append(worker)
        worker.wait_for_tasks()
        return worker

    def new(self):
        return self.scene.servers.worker(_QUEUES, concurrency=2, name="new")

    def run_old(self, *arguments):
        return subprocess.run(
            [sys.executable, *arguments],
            env={**os.environ, **self.old_view.environ},
            capture_output=True,
            text=True,
            check=True,
        ).stdout


def test_an_upgrade_and_a_roll_back_under_load_with_short_times(open_quick_scene, all_is_well, earlier):
    _upgrade_and_roll_back(open_quick_scene(), all_is_well, earlier)


def test_the_same_on_postgres_with_short_times(open_quick_on_postgres, all_is_well, earlier):
    _upgrade_and_roll_back(open_quick_on_postgres(), all_is_well, earlier)


def _upgrade_and_roll_back(scene, all_is_well, earlier):
    versions = Versions(scene, earlier)
    where = versions.run_old("-c", "import mailworker; print(mailworker.__file__)")
    assert where.startswith(str(earlier)), "it is the earlier code indeed"
    versions.run_old("-m", "mailworker.cli", "ledger", "migrate")
    before = Ledger.schema_status(scene.servers.database_url)
    assert before.is_older
    first = versions.old()
    scene.servers.beat()
    feeder = scene.trickle(900, seconds=60)
    _more_leave(scene)

    Ledger.migrate_tables(
        scene.servers.database_url
    )  # the upgrade's first step, while the earlier code works
    _more_leave(scene)
    newer = versions.new()
    _more_leave(scene)
    first.stop()
    _more_leave(scene)  # the new code alone
    again = versions.old()  # and it is taken back
    newer.kill()
    _more_leave(scene)
    assert Ledger.schema_status(scene.servers.database_url).database != before.database
    feeder.join()

    assert all_is_well(scene, "an upgrade and a roll-back, with two versions' code").by_state["sent"] == 900
    assert again.alive


def _more_leave(scene):
    already = scene.sent()
    assert wait_until(lambda: scene.sent() > already + 40, seconds=90), scene.log()[-2000:]
