"""The commands that start a whole installation: what they start, in which order, what they print, and their end."""

import io
import re
import signal
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from rich.progress import Progress
from sqlalchemy import insert, select
from typer.testing import CliRunner

from mailworker.cli import build, interrupt, progress
from mailworker.cli import dev as dev_command
from mailworker.cli.demo_run import messages, output
from mailworker.cli.demo_run.campaign_kind import CAMPAIGN_BLOCK, KIND
from mailworker.cli.interrupt import until_interrupted
from mailworker.cli.local_stack import child_process, parent_death, servers
from mailworker.cli.local_stack.trial_config import trial_config, web_for_trial
from mailworker.cli.progress import ProgressBar
from mailworker.config.settings import parse_settings
from mailworker.core.scan_names import BALANCES, OVERDUE_INVOICES
from mailworker.errors import BadInput
from mailworker.ledger.contact_tables import mailjet_contacts
from mailworker.ledger.scan_activation import arming_of
from mailworker.scan_registry import scan_named
from tests.doubles import CONFIG, settings
from tests.rows import NOW

COUNTS = {
    "messages": 200, "calls": 8, "first_call_at": 100.0, "last_call_at": 130.0, "max_calls_in_60s": 8,
    "custom_ids_seen": 200, "duplicates": 0,
}  # fmt: skip


@pytest.fixture
def started(monkeypatch, tmp_path):
    """Runs a command over servers that only remember what is asked of them, in `done`."""
    monkeypatch.chdir(tmp_path)
    done, given = [], SimpleNamespace(settings=settings(), dead=[], counts=[COUNTS], jobs=[])

    class Servers:
        redis_url, simulator_url = "redis://127.0.0.1:1/0", "http://127.0.0.1:2"

        def __init__(self, folder, **options):
            self.folder, self.config, self.settings = folder, folder / "crm_config.yaml", given.settings
            given.options = {"folder": folder, **options}
            self.mailbox = SimpleNamespace(
                counts=lambda: given.counts.pop(0) if given.counts[1:] else given.counts[0]
            )
            self.client = SimpleNamespace(send_many=self.send_many)

        def __enter__(self):
            done.append("start")
            return self

        def __exit__(self, *_):
            done.append("end")

        def __getattr__(self, name):
            return lambda: done.append(name)

        def dead(self):
            return given.dead

        def send_many(self, jobs, *, on_progress):
            given.jobs += jobs
            on_progress(len(given.jobs))
            done.append("send_many")

    monkeypatch.setattr(servers, "Servers", Servers)
    monkeypatch.setattr(servers, "demand_free", lambda *port: done.append(port))
    monkeypatch.setattr(
        interrupt, "until_interrupted", lambda *unless: done.append(("wait", *(one() for one in unless)))
    )

    def run(*arguments):
        done.clear()
        ran = CliRunner().invoke(build(), list(arguments))
        if ran.exception and not isinstance(ran.exception, SystemExit):
            raise ran.exception
        return ran.exit_code, ran.output.splitlines()

    run.done, run.given = done, given
    return run


# ---- bench


@pytest.mark.parametrize(
    ("wrong", "code"),
    [({}, 0), ({"custom_ids_seen": 199}, 1), ({"duplicates": 1}, 1), ({"custom_ids_seen": 201}, 1)],
)
def test_a_benchmark_counts_from_the_first_call_to_the_last(started, wrong, code):
    before = COUNTS | {"messages": 199}
    started.given.counts = [before, COUNTS, COUNTS | wrong]
    assert started("bench", "--mails", "200", "--folder", "bench") == (
        code,
        [
            "· enqueueing 200 mails while the workers send them",
            "200 mails in 8 calls over 0.50 minutes",
            "mails a minute           400",
            "mails a call            25.0",
            "calls in any 60 s          8  (at the most)",
        ],
    )
    assert started.done == ["start", "production_workers", "beat", "send_many", "end"]
    assert started.given.options == {"folder": Path("bench"), "changes": {"mailjet": CAMPAIGN_BLOCK}}
    assert [one["to"] for one in started.given.jobs] == [f"client{n}@example.com" for n in range(200)]
    assert len({str(one["variables"]["link"]) for one in started.given.jobs}) == 200
    kind = parse_settings(trial_config({}, started.given.options["changes"]), environ={}).kinds[KIND]
    assert {variable.name for variable in kind.variables} >= started.given.jobs[0]["variables"].keys()
    assert (kind.lane.word, kind.service) == ("bulk", False)


def test_a_benchmark_of_one_moment_takes_a_second_and_waits_thrice_as_long_as_mailjet_lets_it(started, monkeypatch):  # fmt: skip
    waited = []
    monkeypatch.setattr(child_process, "wait_until", lambda condition, *, seconds: waited.append(seconds))
    started.given.counts = [COUNTS | {"last_call_at": 100.0}]
    assert "200 mails in 8 calls over 0.02 minutes" in started("bench", "--mails", "200")[1]
    assert waited == [60 + 3.6]


# ---- demo


@pytest.mark.parametrize(("well", "keep"), [(True, False), (False, True)])
def test_the_demo_starts_all_sends_all_and_ends_as_its_mails_did(started, monkeypatch, well, keep):
    monkeypatch.setattr(messages, "post_all", lambda client, document: [client, document["number"]])
    monkeypatch.setattr(messages, "follow", lambda servers, posted: posted)
    monkeypatch.setattr(
        output, "print_outcome", lambda servers, followed: started.done.append(followed[1]) or well
    )
    Path("i.json").write_text('{"number": 7}', "utf-8")
    code, lines = started("demo", "--folder", "d", "--invoice", "i.json", *(["--keep"] if keep else []))
    assert lines == [
        "· Redis runs at redis://127.0.0.1:1/0",
        "· the local Mailjet runs at http://127.0.0.1:2; starting workers",
        "· 2 jobs enqueued",
        *(["· The inbox: http://127.0.0.1:2 (Ctrl-C ends)"] if keep else []),
    ]
    assert (code, started.done) == (
        1 - well,
        ["start", "production_workers", "beat", 7, *([("wait",)] if keep else []), "end"],
    )
    assert started.given.options == {"folder": Path("d"), "changes": {"crm": {"source": "none"}}}


# ---- dev

AT_ONCE = {"reminders": {"quiet_hours": None}, "balances": {"quiet_hours": None}}


@pytest.mark.parametrize(
    ("own", "demo", "sections"),
    [
        (False, False, {"crm": {"source": "none"}}),
        (False, True, AT_ONCE),
        (True, False, {}),
        (True, True, {}),
    ],
)
def test_what_a_newcomer_runs_is_what_production_runs(started, monkeypatch, own, demo, sections):
    monkeypatch.setattr(dev_command, "_prepare", lambda given: started.done.append(("prepare", given)))
    Path("own.yaml").touch()
    ports = ["--port", "11", "--web-port", "12", "--redis-port", "13", "--folder", "d"]
    code, lines = started(
        "dev", *ports, *(["--config", "own.yaml"] if own else []), *(["--demo"] if demo else [])
    )
    assert started.done == [
        (11, "The inbox page", "--port"), (12, "The operators' page", "--web-port"), "start",
        ("prepare", started.given.settings), "production_workers", "beat", "start_web", "register_webhook", ("wait", False), "end",
    ]  # fmt: skip
    assert started.given.options == {
        "folder": Path("d"), "config": Path("own.yaml") if own else None, "simulator_port": 11, "redis_port": 13,
        "changes": {"web": web_for_trial(12), **sections},
    }  # fmt: skip
    what = "own.yaml, with this machine's addresses" if own else "an example"
    kind = next(iter(started.given.settings.mailjet.blocks))
    assert (code, lines) == (0, [
        "· starting workers", "",
        "Inbox             http://127.0.0.1:2",
        "Operators' page   http://127.0.0.1:12   (user operator, password operator)",
        "Redis             redis://127.0.0.1:1/0",
        "Logs              d/logs",
        f"Configuration     {what}", "",
        "In another shell:",
        "  export CRM_CONFIG=d/crm_config.yaml",
        f"  mailworker templates test {kind} --to you@example.com",
        "  mailworker messages list", "",
        "Ctrl-C ends.", "· stopping",
    ])  # fmt: skip


def test_a_child_that_dies_ends_the_trial_and_says_why(started, monkeypatch):
    monkeypatch.setattr(dev_command, "_prepare", lambda _: None)
    started.given.settings = settings().model_copy(update={"mailjet": SimpleNamespace(blocks={})})
    child = SimpleNamespace(
        name="Beat", exit_code=-9, log=Path("logs/beat.log"), tail=lambda: "Out of memory"
    )
    started.given.dead = [child]
    code, lines = started("dev")
    assert ("wait", True) in started.done
    assert (code, lines[-3:]) == (
        0,
        ["· Beat ended with -9. The end of logs/beat.log:", "Out of memory", "· stopping"],
    )
    assert "  mailworker templates test KIND --to you@example.com" in lines


def test_a_configuration_that_is_not_there_starts_nothing(started):
    with pytest.raises(BadInput, match=r"^--config: none\.yaml is not there\.$"):
        started("dev", "--config", "none.yaml")
    assert started.done == []


def test_a_folder_that_is_no_trials_is_left_as_it_is(started):
    theirs = Path("theirs/crm_config.yaml")
    theirs.parent.mkdir()
    theirs.write_text("mine", encoding="utf-8")
    whose = "--folder: theirs/crm_config.yaml is no trial's, and would be written over; name another folder."
    with pytest.raises(BadInput, match=f"^{re.escape(whose)}$"):
        started("dev", "--folder", "theirs")
    assert (started.done, theirs.read_text("utf-8")) == ([], "mine")


def test_what_earlier_trials_knew_is_pushed_again_and_both_scans_begin_with_all_that_is_due(
    ledger, ledger_file
):
    with ledger.write() as connection:
        for state in ("in_step", "refused"):
            connection.execute(
                insert(mailjet_contacts).values(
                    email=f"{state}@x.example", name="", properties={}, lists=[], fingerprint="f", told="f",
                    told_lists=[1], told_names=[], told_excluded=True, left_out=False, state=state, task="tell",
                    audience="a", batch_limit=1000, due_at=NOW, tries=0, changed_at=NOW,
                )
            )  # fmt: skip
    given = parse_settings(f"{CONFIG}  database_url: 'sqlite:///{ledger_file}'\n", environ={})
    dev_command._prepare(given)
    container = SimpleNamespace(settings=given)
    with ledger.read() as connection:
        states = {
            row.email: (row.state, row.told, row.told_lists)
            for row in connection.execute(select(mailjet_contacts))
        }
        for name in (OVERDUE_INVOICES, BALANCES):
            arming = arming_of(connection, name)
            assert (arming.start_from, arming.policy) == (None, scan_named(container, name).policy)
    assert states == {
        "in_step@x.example": ("pending", None, []),
        "refused@x.example": ("refused", "f", [1]),
    }


@pytest.mark.parametrize(
    ("called", "on_the_path", "typed"),
    [
        ("bin/mailworker", None, ' PATH="{here}/bin:$PATH"'),
        ("bin/mailworker", "other/mailworker", ' PATH="{here}/bin:$PATH"'),
        ("bin/mailworker", "bin/mailworker", ""),
        ("bin/python", None, ""),
    ],
)
def test_another_shell_is_told_where_the_program_is_only_where_it_has_another(monkeypatch, tmp_path, called, on_the_path, typed):  # fmt: skip
    for folder in ("bin", "other"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "mailworker").touch()
    monkeypatch.setattr(sys, "argv", [str(tmp_path / called)])
    found = str(tmp_path / on_the_path) if on_the_path else None
    monkeypatch.setattr("shutil.which", lambda name: found if name == "mailworker" else None)
    assert dev_command._path_to_type() == typed.format(here=tmp_path)


# ---- waiting


@pytest.mark.parametrize("how", ["unless", "terminated", "Ctrl-C"])
def test_a_trial_waits_until_somebody_ends_it(monkeypatch, how):
    monkeypatch.setattr(interrupt, "_LOOK_SECONDS", 0)
    before, asked = signal.getsignal(signal.SIGTERM), []

    def unless():
        asked.append(signal.getsignal(signal.SIGTERM))
        if len(asked) < 3:
            return False
        if how == "terminated":
            signal.raise_signal(signal.SIGTERM)
        elif how == "Ctrl-C":
            raise KeyboardInterrupt
        return how == "unless"

    until_interrupted(unless)
    assert len(asked) == 3
    assert before not in asked
    assert signal.getsignal(signal.SIGTERM) is before


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_bar_shows_on_a_terminal_how_far_it_is(monkeypatch):
    monkeypatch.setattr(sys, "stderr", Terminal())
    shown = Progress(disable=True)
    monkeypatch.setattr(progress, "_bar", lambda: shown)
    with ProgressBar("looked at", None) as bar:
        (task,) = shown.tasks
        assert (task.description, task.total, task.completed) == ("looked at", None, 0)
        bar.reach(3)
        bar.advance(2)
        assert (task.total, task.completed) == (None, 5)
        bar.reach(6, 10)
        assert (task.total, task.completed) == (10, 6)
        bar.reach(7)
        assert (task.total, task.completed) == (10, 7)


def test_the_bar_of_a_terminal_goes_to_standard_error_and_leaves_nothing_behind(monkeypatch):
    monkeypatch.setattr(sys, "stderr", Terminal())
    with ProgressBar("sent", 10) as bar:
        bar.reach(5)
        assert bar._progress.live.is_started
    assert not bar._progress.live.is_started
    assert bar._progress.console.file is sys.stderr
    assert "5/10" in sys.stderr.getvalue()
    assert "sent" in sys.stderr.getvalue()


def test_where_nobody_looks_there_is_no_bar(capsys):
    with ProgressBar("sent", 10) as bar:
        bar.reach(5, 6)
        bar.advance(1)
    assert capsys.readouterr() == ("", "")


# ---- children


def test_a_child_asks_to_be_killed_with_its_parent_and_becomes_the_command(monkeypatch):
    asked = []
    monkeypatch.setattr(sys, "argv", ["tether", "41", "redis", "--port", "1"])
    monkeypatch.setattr(sys, "platform", "linux")
    library = SimpleNamespace(prctl=lambda *what: asked.append(what))
    monkeypatch.setattr(parent_death.ctypes, "CDLL", lambda _: library)
    monkeypatch.setattr(parent_death.os, "getppid", lambda: asked.append("parent") or 41)
    monkeypatch.setattr(parent_death.os, "execvp", lambda *what: asked.append(what))
    parent_death.main()
    assert asked == [(1, signal.SIGKILL), "parent", ("redis", ["redis", "--port", "1"])]
