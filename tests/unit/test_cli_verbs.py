"""The commands of campaigns, suppressions, holds and the webhook: what each asks for, and what it answers."""

import json
import socket
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest
from typer.testing import CliRunner

from mailworker.campaigns.count_audience import Audience
from mailworker.cli import build, main
from mailworker.cli.campaign_commands.list import show_list
from mailworker.cli.console import plain
from mailworker.cli.local_stack.redis_server import free_port
from mailworker.errors import ConfigError
from mailworker.ledger.holds import current_holds, hold
from mailworker.ledger.operator_audit_log import latest_actions
from mailworker.ledger.suppressions import suppress
from mailworker.mailjet import webhook_registration
from mailworker.mailjet.webhook_registration import GROUPED, Callback
from mailworker.rules.segments import check_segment
from mailworker.suppressions_by_hand import Lifted
from tests.doubles import settings
from tests.rows import NOW, STRICT

AUDIENCE = Audience(3)


class Asked:
    """Takes every call, keeps it, and answers as the test says, or with what is usual."""

    def __init__(self, **answers):
        self.answers, self.calls = answers, []

    def __getattr__(self, name):
        if name.startswith("_"):
            raise AttributeError(name)

        def asked(*given, **named):
            self.calls.append((name, *given, *([named] if named else [])))
            return self.answers.get(name)

        return asked


@pytest.fixture
def command(monkeypatch, ledger):
    """Runs a command over this container; gives its exit code and lines."""
    container = SimpleNamespace(ledger=ledger, settings=settings(), gateway="gateway", close=lambda: None)
    monkeypatch.setattr("mailworker.container.Container.from_environment", lambda: container)
    monkeypatch.setattr("getpass.getuser", lambda: "ana")

    def run(*arguments, answer=None):
        ran = CliRunner().invoke(build(), list(arguments), input=answer)
        return ran.exit_code, ran.output.splitlines()

    run.container, run.ledger = container, ledger
    return run


def test_moments_are_on_the_operators_clock_while_a_command_runs(command):
    command.container.settings = settings().model_copy(
        update={"worker": settings().worker.model_copy(update={"timezone": ZoneInfo("America/New_York")})}
    )
    with command.ledger.write() as connection:
        suppress(connection, "a@x.example", reason="spam", source="webhook", now=NOW)
    assert "2026-11-30 04:00:00 EST" in command("suppressions", "list")[1][1]
    assert json.loads("\n".join(command("suppressions", "list", "--json")[1]))[0]["since"] == NOW.isoformat()
    assert plain(NOW) == "2026-11-30 09:00:00Z", "the next command may have another configuration, or none"


# ---- campaigns


def desk(command, **answers):
    row = {"id": "c1", "name": "Autumn", "state": "draft", "note": None}
    usual = {
        "find": row,
        "create": (row, AUDIENCE),
        "preview": AUDIENCE,
    }
    command.container.campaigns = Asked(**usual | answers)
    return command.container.campaigns


def test_one_contact_is_one(command):
    command.container.audiences = Asked(audience=Audience(1), types={"city": "str"})
    assert command("campaign", "segment", 'city = "Lyon"')[1][0] == "In the segment: 1 contact; 1 gets it."


def test_a_segment_is_checked_and_counted(command, monkeypatch):
    monkeypatch.setattr("mailworker.cli.campaign.utc_now", lambda: NOW)
    audiences = command.container.audiences = Asked(audience=AUDIENCE, types={"city": "str"})
    code, lines = command("campaign", "segment", 'city = "Lyon"', "--type", "billing")
    assert (code, lines[0]) == (0, "In the segment: 3 contacts; 3 get it.")
    parsed = check_segment('city = "Lyon"', {"city": "str"})
    assert audiences.calls[-1] == ("audience", parsed, "billing", {"now": NOW})
    assert command("campaign", "segment", "town = 1")[0] == 1
    assert json.loads("\n".join(command("campaign", "segment", 'city = "L"', "--json")[1]))["reachable"] == 3


def test_a_campaign_is_made_of_all_that_was_given(command, tmp_path):
    campaigns = desk(command)
    for name in ("a.html", "a.txt"):
        (tmp_path / name).write_text(name, "utf-8")
    code, lines = command(
        "campaign", "create", "Autumn", "--segment", "s", "--type", "t", "--subject", "S", "--html", str(tmp_path / "a.html"),
        "--text", str(tmp_path / "a.txt"), "--template", "41", "--kind", "k", "--set", "a=1", "--from-email", "f@x.example",
        "--from-name", "F", "--locale", "fr_FR",
    )  # fmt: skip
    assert (code, lines[-1]) == (0, "Made campaign c1. Now: mailworker campaign test c1 you@example.com")
    assert campaigns.calls == [
        ("create", {
            "name": "Autumn", "segment": "s", "everybody": None, "contact_type": "t", "subject": "S", "html": "a.html", "text": "a.txt",
            "template_id": 41, "kind": "k", "values": {"a": "1"}, "from_email": "f@x.example", "from_name": "F", "locale": "fr_FR",
        })
    ]  # fmt: skip
    command("campaign", "create", "Autumn", "--everybody")
    plain = campaigns.calls[-1][1]
    assert (plain["everybody"], plain["values"], plain["template_id"], plain["html"]) == (
        True,
        None,
        None,
        "",
    )


@pytest.mark.parametrize(
    ("arguments", "answers", "call", "line"),
    [
        (
            ["test", "A", "a@x", "b@x"],
            {"test": 2},
            ("test", "A", ["a@x", "b@x"]),
            "On its way to 2 addresses.",
        ),
        (["test", "A", "a@x"], {"test": 1}, ("test", "A", ["a@x"]), "On its way to 1 address."),
        (
            ["schedule", "A", "2026-12-01T09:00"],
            {"schedule": datetime(2026, 12, 1, 8, tzinfo=UTC)},
            ("schedule", "A", "2026-12-01T09:00"),
            "It goes at 2026-12-01 09:00 Europe/Paris (08:00 UTC).",
        ),
        (["send", "A", "--yes"], {"send": "The workers send it"}, ("send", "A"), "The workers send it."),
        (["pause", "A"], {"pause": 2}, ("pause", "A"), "Paused; 2 messages are held."),
        (["resume", "A"], {"resume": 2}, ("resume", "A"), "Resumed; 2 messages wait again."),
        (["cancel", "A"], {"cancel": 2}, ("cancel", "A"), "Cancelled; 2 messages that waited with it."),
    ],
)
def test_what_is_done_with_a_campaign(command, arguments, answers, call, line):
    campaigns = desk(command, **answers)
    assert command("campaign", *arguments) == (0, [line])
    assert call in campaigns.calls
    assert ("preview", "c1") not in campaigns.calls


@pytest.mark.parametrize(("answer", "sent"), [("y\n", True), ("n\n", False)])
def test_before_everybody_gets_it_a_person_is_asked(command, answer, sent):
    campaigns = desk(command, send="Mailjet sends it")
    code, lines = command("campaign", "send", "A", answer=answer)
    assert lines[0] == "In the segment: 3 contacts; 3 get it."
    assert (code == 0, ("send", "A") in campaigns.calls) == (sent, sent)
    assert campaigns.calls[:2] == [("find", "A"), ("preview", "c1")]


@pytest.mark.parametrize(
    ("terminal", "options", "answer", "ended"),
    [
        (True, [], "y\n", True),
        (True, [], "n\n", False),
        (True, ["--yes"], None, True),
        (False, [], None, True),
    ],
)
def test_a_terminal_shows_a_campaign_and_asks_before_its_end(
    command, monkeypatch, terminal, options, answer, ended
):
    campaigns = desk(command, cancel=2, progress={"contacts that get it": 4, "sent": 1})
    monkeypatch.setattr("mailworker.cli.campaign.at_terminal", lambda: terminal)
    code, lines = command("campaign", "cancel", "A", *options, answer=answer)
    assert (code == 0, ("cancel", "A") in campaigns.calls) == (ended, ended)
    assert ("1 of 4 are done (25%)." in lines) is (terminal and not options)


def test_figures_progress_and_the_list(command):
    campaigns = desk(command, stats={"sent": 7}, progress={"contacts that get it": 2, "sent": 1})
    assert json.loads("\n".join(command("campaign", "stats", "A", "--json")[1]))["figures"] == {"sent": 7}
    assert command("campaign", "show", "A")[1][-1] == "1 of 2 are done (50%)."
    assert {call[0] for call in campaigns.calls} == {"find", "stats", "progress"}
    assert command("campaign", "list") == (0, ["There is no campaign yet."])
    assert command("campaign", "list", "--json") == (0, ["[]"])


def test_campaigns_in_a_list(capsys):
    plain = {
        "id": "c1",
        "name": "A",
        "way": "mailjet",
        "state": "draft",
        "send_at": None,
        "written": 0,
        "note": None,
    }
    show_list([plain | {"segment": ""}, plain | {"segment": "age > 3", "send_at": NOW, "written": 7}])
    rows = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert rows == [
        "id name sent by state segment goes at written note",
        "c1 A mailjet draft everybody 0",
        "c1 A mailjet draft age > 3 2026-11-30 09:00:00Z 7",
    ]


# ---- suppressions


def test_who_gets_no_mail(command):
    assert command("suppressions", "list") == (0, ["Nobody is on the suppression list."])
    with command.ledger.write() as connection:
        for number, reason in enumerate(["spam", "hard_bounce", "hard_bounce"]):
            suppress(
                connection,
                f"a{number}@x.example",
                reason=reason,
                source="webhook",
                now=NOW + timedelta(number),
            )
    code, lines = command("suppressions", "list", "--limit", "2")
    assert lines[0].split() == ["address", "reason", "since", "by", "why"]
    assert (code, [line.split()[0] for line in lines]) == (0, ["address", "a2@x.example", "a1@x.example"])
    assert lines[1].split()[1:] == ["hard_bounce", "2026-12-02", "10:00:00", "CET", "Mailjet", "webhook"]
    told = json.loads("\n".join(command("suppressions", "list", "--json", "--reason", "spam")[1]))
    assert [one["email"] for one in told] == ["a0@x.example"]
    assert command("suppressions", "list", "--reason", "spa")[0] != 0


def test_why_an_address_gets_no_mail(command):
    listed = {
        "entry": {"reason": "spam", "since": NOW}, "stopped": {"service": "it complained"}, "switched_off": [STRICT],
        "changes": [{"at": NOW, "what": "lifted", "reason": "spam", "changed_by": "bo", "why": "asked"}],
    }  # fmt: skip
    command.container.suppressions = Asked(show=listed)
    code, lines = command("suppressions", "show", "a@x.example")
    assert (code, lines[:3]) == (
        0,
        [
            "Listed as spam since 2026-11-30 10:00:00 CET.",
            "Gets no service mail: it complained.",
            f"Its owner switched off {STRICT}; mailworker suppressions opt-in takes that back.",
        ],
    )
    assert lines[3].split() == ["when", "what", "reason", "by", "why"]
    assert lines[4].split() == ["2026-11-30", "10:00:00", "CET", "lifted", "spam", "bo", "asked"]
    assert json.loads("\n".join(command("suppressions", "show", "a@x.example", "--json")[1]))[
        "switched_off"
    ] == [STRICT]
    command.container.suppressions = Asked(
        show={"entry": None, "stopped": {}, "switched_off": [], "changes": []}
    )
    assert command("suppressions", "show", "a@x.example") == (0, ["It is not on the suppression list."])


@pytest.mark.parametrize(("more", "by"), [([], "ana"), (["--by", "bo"], "bo")])
def test_who_lists_and_lifts_is_written_down(command, more, by):
    known = command.container.suppressions = Asked(lift=Lifted("spam", 2, ("Ask Mailjet.",)), opt_in=1)
    assert command("suppressions", "add", "a@x", "--why", "w", *more) == (
        0,
        ["Listed as blocked. The workers have Mailjet leave it out of campaigns."],
    )
    assert command("suppressions", "lift", "a@x", "--why", "w", *more) == (
        0,
        ["Lifted; it was listed as spam.", "Subscribed again to 2 lists at Mailjet.", "Ask Mailjet."],
    )
    assert command("suppressions", "opt-in", "a@x", "--why", "w", *more) == (
        0,
        ["1 kind of mail reaches the address again."],
    )
    assert known.calls == [
        ("add", "a@x", {"why": "w", "by": by, "reason": "blocked"}),
        ("lift", "a@x", {"why": "w", "by": by}),
        ("opt_in", "a@x", {"why": "w", "by": by}),
    ]
    command.container.suppressions = Asked(lift=Lifted("unsubscribed", 1))
    assert (
        command("suppressions", "lift", "a@x", "--why", "w")[1][1] == "Subscribed again to 1 list at Mailjet."
    )
    command.container.suppressions = Asked(lift=Lifted("unsubscribed", 0), opt_in=2)
    assert command("suppressions", "lift", "a@x", "--why", "w") == (
        0,
        ["Lifted; it was listed as unsubscribed."],
    )
    assert command("suppressions", "opt-in", "a@x", "--why", "w")[1] == [
        "2 kinds of mail reach the address again."
    ]


# ---- holds


def held(command):
    with command.ledger.read() as connection:
        return [one.scope for one in current_holds(connection)]


def test_a_hold_is_shown_made_and_ended(command):
    assert command("holds", "list") == (0, ["Nothing is held."])
    assert command("holds", "add", "lane:bulk", " ")[0] == 1, "a reason is asked for"
    assert held(command) == []
    code, lines = command("holds", "add", "lane:bulk", "maintenance", "--wait")
    assert (code, lines) == (
        0,
        [
            "Held: lane:bulk. Release it with: mailworker holds release 'lane:bulk'",
            "Nothing of it is in a call.",
        ],
    )
    with command.ledger.write() as connection:
        hold(connection, STRICT, reason="template", code="x", now=NOW)
    rows = {line.split()[0]: line for line in command("holds", "list")[1][1:]}
    assert "when you release it" in rows["lane:bulk"]
    assert "2026-11-30 10:01:00 CET" in rows[STRICT]
    told = json.loads("\n".join(command("holds", "list", "--json")[1]))
    assert {one["scope"]: one["reason"] for one in told} == {"lane:bulk": "maintenance", STRICT: "template"}
    assert command("holds", "release", "lane:bulk") == (0, ["Released: lane:bulk."])
    assert held(command) == [STRICT]
    assert command("holds", "release", "lane:bulk")[0] == 1
    with command.ledger.read() as connection:
        done = [
            (str(one.what), one.target, one.why, one.affected) for one in latest_actions(connection, limit=9)
        ]
    assert sorted(done) == [("hold", "lane:bulk", "maintenance", 1), ("release", "lane:bulk", "", 1)]


# ---- the webhook

WEB = "web: {webhook_user: 'm@j', webhook_password: 'p/w', public_url: 'https://mail.x.example/at/'}\n"
HERE = "https://m%40j:p%2Fw@mail.x.example/at/mailjet/events"


@pytest.fixture
def registered(command, monkeypatch):
    """What Mailjet has, and what was written there."""
    known, written, tokens = [], [], []
    monkeypatch.setattr(
        "mailworker.cli.webhook.rest_api", lambda of: SimpleNamespace(take=lambda: tokens.append(of))
    )

    def callbacks(api):
        api.take()
        return list(known)

    monkeypatch.setattr(webhook_registration, "callbacks", callbacks)
    monkeypatch.setattr(webhook_registration, "write", lambda _api, wanted: written.extend(wanted))
    command.container.settings = settings(WEB)
    return SimpleNamespace(known=known, written=written, tokens=tokens)


def test_registering_changes_only_what_differs(command, registered):
    code, lines = command("webhook", "register")
    assert (code, len(registered.written), lines[-1]) == (
        0,
        7,
        "Mailjet now posts all seven events to https://mail.x.example/at/mailjet/events.",
    )
    assert {line.split(": ")[1] for line in lines[:-1]} == {"registered"}
    assert {one.url for one in registered.written} == {HERE}
    assert registered.tokens == [command.container]
    events = [one.event for one in registered.written]
    registered.known += [Callback(event, HERE, id=n, version=GROUPED) for n, event in enumerate(events)]
    assert command("webhook", "register") == (
        0,
        ["Nothing to change: Mailjet posts all seven events to https://mail.x.example/at/mailjet/events."],
    )
    registered.known[0] = Callback(events[0], "https://other.example/x", id=0, version=GROUPED)
    assert command("webhook", "register")[1][0] == f"{events[0]}: changed; until now https://other.example/x"
    told = json.loads("\n".join(command("webhook", "register", "--json")[1]))
    assert told["instead_of"] == {events[0]: "https://other.example/x"}


def test_a_person_is_asked_before_another_webhook_loses_its_events(command, registered, monkeypatch):
    registered.known += [Callback("open", "https://other.example/x", id=1), Callback("spam", HERE, id=2)]
    registered.known.append(Callback("click", "https://u:old@mail.x.example/at/mailjet/events", id=3))
    asked = []
    monkeypatch.setattr("mailworker.cli.webhook.at_terminal", lambda: True)
    monkeypatch.setattr("typer.confirm", lambda text, **_: asked.append(text))
    code, lines = command("webhook", "register")
    assert (code, len(asked)) == (0, 1)
    assert [line for line in lines if "would get it no more" in line] == [
        "open is posted to https://other.example/x now, which would get it no more."
    ]
    assert command("webhook", "register", "--yes")[0] == 0
    assert len(asked) == 1


def test_where_mailjet_posts_each_event(command, registered):
    code, lines = command("webhook", "status", "--json")
    told = json.loads("\n".join(lines))
    assert (code, told["registered"], len(told["missing"])) == (1, [], 7)
    registered.known += [
        Callback(event, HERE, id=n, version=GROUPED) for n, event in enumerate(sorted(told["missing"]))
    ]
    code, lines = command("webhook", "status")
    assert (code, len(lines)) == (0, 8)
    assert lines[1].split() == [min(told["missing"]), "main", "https://mail.x.example/at/mailjet/events", "this", "webhook", "yes", "grouped"]  # fmt: skip
    one = registered.known[0]
    registered.known[0] = Callback(one.event, "https://u:secret@b.example/e", id=0, version=1, alive=False)
    code, lines = command("webhook", "status")
    assert code == 1
    assert "somebody else's, or another password" in lines[1]
    assert "no: given up after a day of failures" in lines[1]
    assert "one by one" in lines[1]
    assert "secret" not in "".join(lines)
    assert (
        lines[-1] == f"{one.event} does not reach this webhook as it should: run mailworker webhook register."
    )
    told = json.loads("\n".join(command("webhook", "status", "--json")[1]))
    first = next(line for line in told["registered"] if not line["ours"])
    assert first == {
        "event": one.event,
        "backup": False,
        "where": "https://b.example/e",
        "ours": False,
        "alive": False,
    }
    assert told["missing"] == [one.event]


@pytest.mark.parametrize(
    ("config", "url", "said"),
    [
        ("", None, "Where is the web process reached from outside?"),
        ("", "https://a.example", "Set web.webhook_user and web.webhook_password first"),
        (WEB, "ftp://a.example", "--url must be an address such as"),
        (WEB, "https://", "--url must be an address such as"),
        (WEB, "https://u:p@a.example", "--url must be an address such as"),
    ],
)
def test_an_address_that_mailjet_cannot_post_to(command, registered, config, url, said):
    command.container.settings = settings(config)
    ran = CliRunner().invoke(build(), ["webhook", "register", *(["--url", url] if url else [])])
    assert ran.exit_code == 1
    assert said in str(ran.exception)
    assert registered.written == []


@pytest.fixture
def served(monkeypatch):
    """What uvicorn was given; the container is closed at the end."""
    given = SimpleNamespace(asked=[], closed=0, settings=settings(WEB), warnings=[])
    given.close = lambda: setattr(given, "closed", given.closed + 1)
    monkeypatch.setattr("mailworker.container.Container.from_environment", lambda: given)
    monkeypatch.setattr("mailworker.web.create_app", lambda container: ("app", container))
    monkeypatch.setattr("mailworker.observability.logs.configure_logs", lambda: None)
    log = SimpleNamespace(warning=given.warnings.append, info=lambda *_, **__: None)
    monkeypatch.setattr("mailworker.observability.logs.get_log", lambda name: log)

    def run(server, sockets):
        (listener,) = sockets
        with listener:
            given.asked.append((server.config, listener.getsockname()))

    monkeypatch.setattr("uvicorn.Server.run", run)
    return given


@pytest.mark.parametrize(
    ("more", "host"),
    [([], "127.0.0.1"), (["--host", "127.0.0.2"], "127.0.0.2"), (["--host", "[::1]"], "::1")],
)
def test_the_web_process_listens_where_it_is_told_to(served, more, host):
    asked = free_port()
    ran = CliRunner().invoke(build(), ["webhook", "--port", str(asked), *more])
    assert (ran.exit_code, ran.output) == (0, "")
    ((config, address),) = served.asked
    assert config.app == ("app", served)
    assert address[:2] == (host, asked)
    assert (config.access_log, config.server_header, config.log_config) == (False, False, None)
    assert (config.timeout_graceful_shutdown, config.http.__name__) == (10, "PatientConnection")
    assert (served.closed, served.warnings) == (1, [])


def test_the_web_process_listens_on_the_configured_port(served):
    served.settings = settings(WEB.replace("}", f", port: {(asked := free_port())}}}"))
    assert CliRunner().invoke(build(), ["webhook"]).exit_code == 0
    assert served.asked[0][1] == ("127.0.0.1", asked)


@pytest.fixture
def ended(monkeypatch, capsys):
    """Runs the program to its end; gives its exit code and what it wrote on standard error."""

    def run(arguments):
        monkeypatch.setattr("sys.argv", ["mailworker", *arguments])
        with pytest.raises(SystemExit) as end:
            main()
        return end.value.code, capsys.readouterr().err

    return run


@pytest.mark.parametrize(
    ("host", "why"),
    [
        ("127.0.0.1", "Address already in use"),
        ("192.0.2.1", "Cannot assign requested address"),
        ("a host", "Name or service not known"),
        ("a..b", "it is no host's name"),
    ],
)
def test_a_port_that_cannot_be_had_is_said_in_one_sentence(served, ended, host, why):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, told = ended(["webhook", "--host", host, "--port", str(port)])
    assert code == 2
    assert told == (
        f"The web process cannot listen on port {port} of {host}: {why}. "
        "Choose another one: web.port, or --port.\n"
    )
    assert served.asked == []


def test_without_a_password_the_web_process_says_that_it_refuses_every_event(served):
    served.settings = settings()
    CliRunner().invoke(build(), ["webhook", "--port", "0"])
    assert len(served.warnings) == 1
    assert "set web.webhook_user and web.webhook_password" in served.warnings[0]


def test_a_broken_configuration_serves_nothing(served, ended, monkeypatch):
    def broken():
        raise ConfigError("crm_config.yaml:1: no.")

    monkeypatch.setattr("mailworker.container.Container.from_environment", broken)
    assert ended(["webhook"]) == (2, "crm_config.yaml:1: no.\n")
    assert served.asked == []
