"""An upgrade and a roll-back under load, with the code of an earlier version and this one's side by side."""

import os
import subprocess
import sys
import tarfile
import time
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace

import pytest
import requests

from mailworker.cli.local_stack import Worker, WorkerProcess, wait_until
from mailworker.cli.local_stack.child_process import Child
from mailworker.cli.local_stack.redis_server import free_port
from mailworker.ledger import Ledger
from tests.faults.scene import MAIL_QUEUES, RESET, RESET_VARIABLES

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600)]

_ROOT = Path(__file__).parents[2]
#: How many of the ledger's steps the earlier version does not know.
_STEPS_BACK = 5
_QUEUES = (*MAIL_QUEUES, "scans", "render")
#: The first code that reads which revision the ledger asks for: the oldest that is promised to go on beside ours.
_OLDEST = "mailworker/ledger/migrations/versions/0014_compatibility.py"
_LOGIN = ("mailjet", "events")
#: What an earlier version's client does: enqueue so many, one after the other, and name their ids.
_ENQUEUE = f"""
import sys, time
from mailworker.client import MailClient
client = MailClient(sys.argv[1])
for number in range(int(sys.argv[2])):
    key = f"earlier-{{number}}"
    print(client.send({RESET!r}, f"{{key}}@example.com", {RESET_VARIABLES!r}, idempotency_key=key), flush=True)
    time.sleep(0.1)
"""


def _git(*arguments: str) -> bytes:
    done = subprocess.run(["git", "-C", str(_ROOT), *arguments], capture_output=True, check=False)
    return done.stdout if done.returncode == 0 else b""


def _code(path: str, steps_back: int, folder: Path) -> Path:
    """The code as it was when a file was added there, so many times ago."""
    steps = _git("log", "--diff-filter=A", "--format=%H", "--", path).decode().split()
    if len(steps) <= steps_back:
        pytest.skip("NOT TESTED: this checkout has no history (git), so there is no earlier version to run")
    with tarfile.open(fileobj=BytesIO(_git("archive", steps[steps_back], "mailworker"))) as code:
        code.extractall(folder, filter="data")
    return folder


@pytest.fixture(scope="module")
def earlier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the code as it was some of the ledger's steps ago."""
    return _code("mailworker/ledger/migrations", _STEPS_BACK, tmp_path_factory.mktemp("earlier"))


@pytest.fixture(scope="module")
def oldest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the oldest code that is promised to go on."""
    return _code(_OLDEST, 0, tmp_path_factory.mktemp("oldest"))


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
        process = WorkerProcess("old", _QUEUES, 2)
        worker = Worker(self.old_view, process, f"old{self.count}@localhost")
        self.scene.servers.children.append(worker)
        worker.wait_for_tasks()
        return worker

    def new(self):
        return self.scene.servers.worker(_QUEUES, concurrency=2, name="new")

    def web(self, environ):
        """A webhook of the code that this environment finds first; its address."""
        port = free_port()
        words = [sys.executable, "-m", "mailworker", "webhook", "--host", "127.0.0.1", "--port", str(port)]
        log = self.scene.servers.folder / "logs" / f"web-{port}.log"
        child = Child("web", words, log, environ)
        self.scene.servers.children.append(child)
        url = f"http://127.0.0.1:{port}"
        child.wait_ready(lambda: _is_up(url))
        return url

    def enqueue_with_the_old_client(self, count):
        """The earlier version's client at work."""
        words = [sys.executable, "-c", _ENQUEUE, self.scene.servers.redis_url, str(count)]
        environ = {**os.environ, **self.old_view.environ}
        return subprocess.Popen(words, env=environ, stdout=subprocess.PIPE, text=True)

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


def _is_up(url):
    try:
        return requests.get(f"{url}/health", timeout=1).ok
    except requests.RequestException:
        return False


@pytest.mark.parametrize("version", ["earlier", "oldest"])
def test_both_versions_work_clients_and_webhooks_among_them_with_short_times(
    version, open_quick_on_postgres, all_is_well, request
):
    """Jobs by both clients, both workers killed in turn, and events at both webhooks, each of them twice."""
    scene = open_quick_on_postgres(
        sections={"web": {"webhook_user": _LOGIN[0], "webhook_password": _LOGIN[1]}}
    )
    versions = Versions(scene, request.getfixturevalue(version))
    versions.run_old("-m", "mailworker.cli", "ledger", "migrate")
    Ledger.migrate_tables(scene.servers.database_url)
    old, new = versions.old(), versions.new()
    scene.servers.beat()
    feeder = scene.trickle(300, seconds=30)
    theirs = versions.enqueue_with_the_old_client(200)
    _more_leave(scene)
    old.kill()
    _more_leave(scene)
    old = versions.old()
    _more_leave(scene)
    new.kill()
    _more_leave(scene)
    new = versions.new()
    feeder.join()
    scene.ids |= set(theirs.communicate(timeout=120)[0].split())
    assert len(scene.ids) == 500

    assert all_is_well(scene, f"both versions, {version}").by_state["sent"] == 500
    assert old.alive
    assert new.alive
    old_web, new_web = versions.web(versions.old_view.environ), versions.web(scene.servers.environ)
    mails = scene.servers.mailbox.messages()
    for number, batch in enumerate((mails[:250], mails[250:])):
        for url in (old_web, new_web):  # the second finds all of it known
            answer = requests.post(
                f"{url}/mailjet/events", json=_events(batch, number), auth=_LOGIN, timeout=30
            )
            assert answer.status_code == 200
    query = "SELECT delivery, count(*) FROM messages GROUP BY delivery"
    wanted = {"delivered": 250, "bounced": 250}
    assert wait_until(lambda: dict(tuple(row) for row in scene.ask(query)) == wanted, seconds=60), scene.ask(
        query
    )
    assert scene.ask("SELECT count(*) FROM suppressions")[0][0] == 250


def _events(mails, bounced):
    what = {"event": "bounce", "hard_bounce": True, "blocked": False, "error": "user unknown"} if bounced else {"event": "sent"}  # fmt: skip
    return [
        what | {
            "time": int(time.time()), "MessageID": mail["message_id"], "CustomID": mail["custom_id"],
            "email": mail["recipients"][0]["email"],
        }
        for mail in mails
    ]  # fmt: skip
