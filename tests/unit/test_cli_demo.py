"""The demo's ten mails and what it prints of them; an invoice rendered, checked and sent from the shell."""

import json
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from mailworker import invoices
from mailworker.cli import build, send_invoice_or_reminder
from mailworker.cli.demo_run import messages
from mailworker.cli.demo_run.messages import Followed, Posted, example_invoice, follow, post_all
from mailworker.cli.demo_run.output import print_outcome, progress
from mailworker.cli.input_file import read_object
from mailworker.config.builtin_kinds import INVOICE, KINDS
from mailworker.errors import BadInput, RenderFailed
from mailworker.ledger.message_search import Story
from mailworker.ledger.tables import messages as rows
from tests.doubles import settings
from tests.rows import NOW, STRICT, after, row

POSTED = Posted("m1", STRICT, "claire.fontaine@example.com", NOW)


def became(state, arrived=1, **more):
    message = {"state": state, "changed_at": after(2.5), "attachments": None, "reason": None} | more
    return Followed(POSTED, Story(message, [], [], [], None), arrived)


@pytest.mark.parametrize(
    ("one", "state", "well", "seconds", "attached"),
    [
        (became("sent", attachments=[{"size": 5}, {"size": 6}]), "sent", True, 2.5, 11),
        (became("sent", 2), "sent", False, 2.5, 0),
        (became("sent", 0), "sent", False, 2.5, 0),
        (became("failed"), "failed", False, None, 0),
        (Followed(POSTED, None, 0), "", False, None, 0),
    ],
)
def test_what_became_of_a_job(one, state, well, seconds, attached):
    assert (one.state, one.well, one.seconds, one.attached) == (state, well, seconds, attached)


def test_the_demos_invoice(tmp_path, monkeypatch):
    assert read_object(example_invoice(), "--invoice: ")["client"]["email"]
    monkeypatch.setattr(messages, "_EXAMPLES", (tmp_path / "a.json", tmp_path / "b.json"))
    assert example_invoice() == tmp_path / "a.json"
    (tmp_path / "b.json").write_text("{", "utf-8")
    assert example_invoice() == tmp_path / "b.json"
    with pytest.raises(BadInput, match=r"--invoice: .*b\.json is not JSON"):
        read_object(example_invoice(), "--invoice: ")
    with pytest.raises(BadInput, match=r"--invoice: .*a\.json cannot be read"):
        read_object(tmp_path / "a.json", "--invoice: ")
    (tmp_path / "b.json").write_text("[1]", "utf-8")
    with pytest.raises(BadInput, match=r"--invoice: .*b\.json must hold one object"):
        read_object(tmp_path / "b.json", "--invoice: ")


class Client:
    def __init__(self):
        self.asked = []

    def send(self, kind, to, variables):
        self.asked.append((kind, to["email"], to["name"] in variables.values()))
        return f"id {kind}"

    def send_invoice(self, *, invoice):
        self.asked.append((INVOICE, invoice["client"]["email"], True))
        return "id of the invoice"


def test_one_mail_of_each_kind_is_posted_to_whom_it_names():
    client = Client()
    posted = post_all(client, {"client": {"email": "z@x.example"}})
    assert [one.kind for one in posted] == list(KINDS)
    assert [(kind, to) for kind, to, _ in client.asked] == [(one.kind, one.to) for one in posted]
    assert all(named for _, _, named in client.asked)
    by_kind = {one.kind: one for one in posted}
    assert (by_kind[INVOICE].id, by_kind[INVOICE].to) == ("id of the invoice", "z@x.example")
    assert by_kind[STRICT].id == f"id {STRICT}"


def test_jobs_are_followed_until_all_are_final(ledger, ledger_file, monkeypatch):
    asked = []

    def wait_until(is_so, *, seconds):
        asked.append((is_so(), seconds))
        with ledger.write() as connection:
            connection.execute(rows.update().values(state="sent"))
        asked.append(is_so())

    monkeypatch.setattr(messages, "wait_until", wait_until)
    with ledger.write() as connection:
        connection.execute(rows.insert(), [row("m1"), row("m2", state="failed")])
    mailbox = SimpleNamespace(
        messages=lambda: [{"custom_id": "m1"}, {"custom_id": "m2"}, {"custom_id": "m2"}]
    )
    servers = SimpleNamespace(database_url=f"sqlite:///{ledger_file}", mailbox=mailbox)
    found = follow(servers, [POSTED, Posted("m2", STRICT, "x", NOW)])
    assert asked == [(False, 60.0), True]
    assert [(one.posted.id, one.state, one.arrived) for one in found] == [
        ("m1", "sent", 1),
        ("m2", "sent", 2),
    ]
    (lost,) = follow(servers, [Posted("m3", STRICT, "x", NOW)])
    assert (lost.story, lost.arrived) == (None, 0)


@pytest.mark.parametrize(
    ("followed", "pdfs", "duplicates", "well"),
    [
        ([became("sent", attachments=[{"size": 61_000}])], 1, 0, True),
        ([became("sent")], 0, 0, False),
        ([became("sent")], 1, 1, False),
        ([became("failed", 0, reason="no template")], 1, 0, False),
        ([Followed(POSTED, None, 0)], 1, 0, False),
    ],
)
def test_what_the_demo_says_at_its_end(tmp_path, capsys, followed, pdfs, duplicates, well):
    (tmp_path / "invoices").mkdir()
    for number in range(pdfs):
        (tmp_path / "invoices" / f"{number}.pdf").touch()
    counts = {"calls_by_endpoint": {"v3.1/send": 2, "template": 3}, "calls": 5, "duplicates": duplicates}
    servers = SimpleNamespace(folder=tmp_path, mailbox=SimpleNamespace(counts=lambda: counts))
    assert print_outcome(servers, followed) is well
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines() if line.strip()]
    (one,) = followed
    assert lines[0] == "kind to state seconds attached arrived"
    assert lines[1].startswith(f"{STRICT} claire.fontaine@example.com {one.state}".strip())
    assert f"{int(one.well)} of 1 mail sent, each exactly once, in 2 calls to Mailjet." in lines
    assert f"3 other calls were made, {pdfs} PDF written." in lines
    assert lines[-1] == f"Ledger, PDFs and logs: {tmp_path}"
    told = [line for line in lines if line.startswith("✗")]
    why = {"failed": "no template", "": "it never reached the ledger"}
    assert told == ([] if one.well else [f"✗ {STRICT}: arrived 0 times; {why[one.state]}"])
    if one.attached:
        assert lines[1].endswith("sent 2.50 61 kB 1")
    progress("now")
    assert capsys.readouterr().out == "· now\n"


# ---- one invoice


@pytest.fixture
def shell(monkeypatch, tmp_path):
    """Runs `mailworker invoice` beside an invoice's JSON; the renderer is made of `made`, or raises it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CRM_CONFIG", str(tmp_path / "none.yaml"))
    (tmp_path / "i.json").write_text('{"invoice_number": "FA-1"}', "utf-8")
    made = SimpleNamespace(
        pdf=b"%PDF",
        filename="FA-1.pdf",
        sha256="5ha",
        warnings=["no logo"],
        asked=[],
        fault=None,
        review=None,
    )

    class Renderer:
        def __init__(self, settings):
            made.settings = settings

        def __enter__(self):
            return self

        def __exit__(self, *_):
            return None

        def render(self, given, *, language):
            made.asked.append((given, language))
            if made.fault:
                raise made.fault
            return made

    monkeypatch.setattr(invoices, "InvoiceRenderer", Renderer, raising=False)
    monkeypatch.setattr(invoices, "review_invoice", lambda given, settings: made.review, raising=False)

    def run(*arguments):
        ran = CliRunner().invoke(build(), ["invoice", *arguments])
        return ran.exit_code, ran.stdout.splitlines(), ran.stderr.splitlines()

    run.made, run.folder = made, tmp_path
    return run


def test_an_invoice_becomes_a_file(shell):
    assert shell("render", "i.json") == (0, ["FA-1.pdf: 4 bytes, sha256 5ha"], ["Note: no logo"])
    assert (shell.folder / "FA-1.pdf").read_bytes() == b"%PDF"
    assert shell.made.settings.e_invoice != "factur-x"
    shell("render", "i.json", "-o", "other.pdf", "--language", "en")
    assert (shell.folder / "other.pdf").exists()
    assert shell.made.asked == [({"invoice_number": "FA-1"}, ""), ({"invoice_number": "FA-1"}, "en")]
    code, _, faults = shell("render", "i.json", "-o", "no/folder.pdf")
    assert (code, faults[0].startswith("no/folder.pdf cannot be written: ")) == (1, True)
    shell.made.fault = RenderFailed("the template is broken")
    assert shell("render", "i.json")[0] != 0


def test_all_that_is_wrong_with_an_invoice_is_said(shell):
    shell.made.review = SimpleNamespace(faults=["a: no"], warnings=["b: odd"])
    assert shell("check", "i.json") == (1, [], ["a: no", "Note: b: odd"])
    code, lines, _ = shell("check", "i.json", "--json")
    assert (code, json.loads("".join(lines))) == (
        1,
        {"ok": False, "faults": ["a: no"], "warnings": ["b: odd"]},
    )
    shell.made.review = SimpleNamespace(faults=[], warnings=[])
    assert shell("check", "i.json") == (0, ["i.json: nothing wrong."], [])
    assert json.loads("".join(shell("check", "i.json", "--json")[1]))["ok"] is True


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"{", "i.json is not JSON: Expecting property name enclosed in double quotes"),
        (b"\xff", "i.json is not UTF-8 text"),
        (b"[" * 100_000, "i.json is JSON of more levels than anybody writes."),
    ],
)
def test_a_file_that_is_no_invoice(shell, content, said):
    (shell.folder / "i.json").write_bytes(content)
    assert said in "".join(shell("check", "i.json")[2])


def test_an_invoice_is_sent_by_its_number_or_whole(shell, monkeypatch):
    asked = []
    container = SimpleNamespace(
        settings=SimpleNamespace(invoice="settings", worker=settings().worker), close=lambda: None
    )
    shell.made.review = SimpleNamespace(faults=[], warnings=["b: odd"])
    monkeypatch.setattr("mailworker.container.Container.from_environment", lambda: container)
    monkeypatch.setattr(
        send_invoice_or_reminder, "send_invoice", lambda *given, **more: asked.append((given, more)) or "m1"
    )
    printed = []
    monkeypatch.setattr(
        send_invoice_or_reminder,
        "print_id",
        lambda container, id_, now, *, as_json: printed.append((id_, as_json)),
    )
    assert shell("send", "FA-1")[0] == 0
    assert shell("send", "i.json", "--to", "a@x.example", "--again", "--json")[0] == 0
    assert printed == [("m1", False), ("m1", True)]
    assert asked == [
        ((container, "FA-1"), {"to": None, "again": False}),
        ((container, {"invoice_number": "FA-1"}), {"to": "a@x.example", "again": True}),
    ]
    shell.made.review = SimpleNamespace(faults=["a: no"], warnings=[])
    assert shell("send", "i.json")[0] != 0
    assert len(asked) == 2, "a worker would refuse it, where nobody looks"
