"""Operators with logins of their own: who is let in, who may act, and what the configuration and doctor say of them."""

import asyncio
import base64
import hashlib
import threading

import pytest
from typer.testing import CliRunner

from mailworker.cli import build
from mailworker.cli.doctor_checks.configuration import login_faults
from mailworker.config.settings import parse_settings
from mailworker.core import password_hash
from mailworker.core.password_hash import PasswordHash, hash_of_nobody, hash_password, read_password_hash
from mailworker.errors import BadInput, ConfigError
from mailworker.ledger.operator_audit_log import latest_actions
from mailworker.web import operator_logins
from mailworker.web.operator_logins import OperatorLogin, OperatorLogins
from tests.rows import row
from tests.unit.test_operators_page import Desk, form, request, states

BASE = "mailjet: {api_key: a, api_secret: b}\n"


def quick(password):
    """A hash as weak as one can be, so that tests need no seconds."""
    return str(PasswordHash(2, 1, 1, b"s" * 16, password_hash._scrypt(password, b"s" * 16, (2, 1, 1), 32)))


MARTA, SUPPORT = quick("marta's own"), quick("öffne:dich")
LOGINS = (
    f'logins: {{marta: {{password_hash: "{MARTA}", may_act: true}}, support: {{password_hash: "{SUPPORT}"}}}}'
)
BOTH = f"{BASE}web: {{operator_user: ops, operator_password: geheim, actions: true, {LOGINS}}}\n"
OWN = f"{BASE}web: {{actions: true, {LOGINS}}}\n"


def sent(name, password):
    return base64.b64encode(f"{name}:{password}".encode()).decode()


def logins(config=BOTH):
    return OperatorLogins(parse_settings(config, environ={}).web)


@pytest.fixture(autouse=True)
def quick_nobody(monkeypatch):
    monkeypatch.setattr(operator_logins, "hash_of_nobody", lambda: read_password_hash(quick("nobody knows")))


# --- the hash


def test_a_hash_matches_its_password_and_no_other():
    made = hash_password("correct horse")
    key = hashlib.scrypt(b"correct horse", salt=made.salt, n=2**14, r=8, p=5, dklen=32, maxmem=2**26)
    assert (made.n, made.r, made.p, len(made.salt), made.key) == (2**14, 8, 5, 16, key)
    again = read_password_hash(str(made))
    assert again == made
    assert again.matches("correct horse")
    assert not again.matches("correct horsf")
    assert str(made).rpartition(":")[2] not in repr(made)
    assert hash_password("correct horse") != made


def test_nobodys_hash_takes_as_long_as_an_operators():
    nobodys = hash_of_nobody()
    assert (nobodys.n, nobodys.r, nobodys.p, len(nobodys.salt), len(nobodys.key)) == (2**14, 8, 5, 16, 32)
    assert hash_of_nobody() != nobodys


def test_a_short_password_is_refused():
    with pytest.raises(BadInput, match="fewer than 10 characters"):
        hash_password("x" * 9)
    assert hash_password("x" * 10).key


SALT, KEY = "c3Nzc3Nzc3Nzc3Nzc3Nzcw", "A" * 43


@pytest.mark.parametrize(
    "text",
    ["", "geheim", f"md5:2:1:1:{SALT}:{KEY}", f"scrypt:16384:8:5:{SALT}", f"scrypt:16384:8:5:short:{KEY}",
     f"scrypt:16384:8:5:{SALT}:{KEY}é", f"scrypt:16384:8:5:{SALT}:{'A' * 33}",
     *(f"scrypt:{costs}:{SALT}:{KEY}" for costs in
       ("3:1:1", "1:1:1", "0:1:1", "16384:0:1", "16384:8:0", "16384:8:17", "65536:1:1", "65536:9:1", "8192:65:1", "131072:8:1", "1048576:8:1"))],
)  # fmt: skip
def test_what_is_no_hash_is_told_and_costs_nothing(text):
    with pytest.raises(ValueError, match="mailworker operator-password"):
        read_password_hash(text)


@pytest.mark.parametrize("costs", ["2:1:1", "32768:1:1", "65536:8:1", "2:8:16"])
def test_the_most_and_the_least_that_a_hash_may_cost_can_be_tried(costs):
    assert not read_password_hash(f"scrypt:{costs}:{SALT}:{KEY}").matches("correct horse")


def test_the_command_prints_what_the_configuration_takes():
    told = CliRunner().invoke(build(), ["operator-password"], input="correct horse\r\n")
    assert told.exit_code == 0
    assert read_password_hash(told.stdout.strip()).matches("correct horse")


# --- who is let in


@pytest.mark.parametrize(
    ("name", "password", "who"),
    [
        ("ops", "geheim", OperatorLogin("ops", may_act=True)),
        ("marta", "marta's own", OperatorLogin("marta", may_act=True)),
        ("support", "öffne:dich", OperatorLogin("support", may_act=False)),
        ("marta", "öffne:dich", None),
        ("support", "geheim", None),
        ("nobody", "nobody knows", None),
        ("", "", None),
    ],
)
def test_each_login_is_let_in_by_its_own_password_again_and_again(name, password, who):
    door = logins()
    for _ in range(2):
        assert door.who(request(login=sent(name, password))) == who
        assert door.admits(request(login=sent(name, password))) is (who is not None)
    assert door.configured


def test_a_password_is_tried_once_and_a_wrong_one_each_time(monkeypatch):
    tried = []
    plain = PasswordHash.matches
    monkeypatch.setattr(
        PasswordHash, "matches", lambda self, given: tried.append(given) or plain(self, given)
    )
    door = logins()
    for password in ("marta's own", "wrong", "marta's own", "wrong", "marta's own"):
        door.who(request(login=sent("marta", password)))
    door.who(request(login=sent("nobody", "x")))
    assert tried == ["marta's own", "wrong", "wrong", "x"]


def test_a_hundred_logins_are_remembered(monkeypatch):
    assert operator_logins._REMEMBERED == 100
    monkeypatch.setattr(operator_logins, "_REMEMBERED", 1)
    door = logins()
    for name, password in (("marta", "marta's own"), ("support", "öffne:dich")) * 2:
        assert door.who(request(login=sent(name, password))).name == name
        assert [one.name for one in door._known.values()] == [name], "the one that came last"


def test_wrong_passwords_and_unknown_names_use_up_no_place():
    door = logins()
    for _ in range(9):
        assert (
            door.who(request(login=sent("marta", "x")))
            is door.who(request(login=sent("nobody", "x")))
            is None
        )
    assert door.who(request(login=sent("marta", "marta's own"))).name == "marta"


def test_who_guesses_takes_few_threads(monkeypatch):
    """While eight passwords are being tried, a ninth is refused at once and waits for nobody."""
    began, go_on = threading.Semaphore(0), threading.Event()

    class Slow:
        def __enter__(self):
            began.release()
            go_on.wait(20)

        def __exit__(self, *_):
            return None

    door = logins()
    door._one_at_a_time = Slow()
    wrong = request(login=sent("marta", "x"))
    threads = [threading.Thread(target=door.who, args=(wrong,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for _ in threads:
        assert began.acquire(timeout=20)
    assert door.who(request(login=sent("marta", "marta's own"))) is None
    go_on.set()
    for thread in threads:
        thread.join()
    assert door.who(request(login=sent("marta", "marta's own"))).name == "marta"


@pytest.mark.parametrize("header", [{"authorization": "Bearer x"}, {"authorization": ""}])
def test_what_is_no_login_lets_nobody_in(header):
    assert logins().who(request(headers=header.items())) is None


def test_nobody_acts_where_acts_are_off():
    door = logins(OWN.replace("actions: true", "actions: false"))
    assert door.who(request(login=sent("marta", "marta's own"))) == OperatorLogin("marta", may_act=False)
    assert not logins(BASE).configured


def test_forms_of_one_process_count_in_the_other_and_not_after_a_change_of_passwords():
    assert logins().signing == logins().signing
    changed = [
        logins(BOTH.replace(MARTA, quick("another one"))),
        logins(BOTH.replace("geheim", "neu")),
        logins(OWN),
    ]
    assert all(one.signing != logins().signing for one in changed)
    single = logins(f"{BASE}web: {{operator_user: ops, operator_password: geheim}}\n")
    assert (single.signing[0], single.signing[1].reveal()) == ("ops", "geheim")


# --- what they may do


def as_(login, asked):
    asked.scope["headers"] = [
        (name, f"Basic {login}".encode() if name == b"authorization" else value)
        for name, value in asked.scope["headers"]
    ]
    return asked


def act(desk, login, **fields):
    return asyncio.run(desk.acts.act(as_(login, form(desk, **fields))))


@pytest.mark.parametrize("config", [BOTH, OWN])
def test_who_may_act_acts_under_their_own_name_and_who_reads_changes_nothing(ledger, config):
    desk = Desk(ledger, config)
    desk.put(row("m1"), row("m2"))
    refused = act(desk, sent("support", "öffne:dich"), do="cancel", id="m1")
    assert refused.status_code == 403
    assert "may look at everything and change nothing" in refused.body.decode()
    assert act(desk, sent("marta", "wrong"), do="cancel", id="m1").status_code == 401
    assert states(desk) == {"m1": "ready", "m2": "ready"}
    assert act(desk, sent("marta", "marta's own"), do="cancel", id="m1").status_code == 303
    assert states(desk) == {"m1": "cancelled", "m2": "ready"}
    with ledger.read() as connection:
        assert [one.who for one in latest_actions(connection, limit=9)] == ["marta"]


def test_who_reads_sees_what_was_done_and_no_form(ledger):
    desk = Desk(ledger, BOTH)
    desk.put(row("m1"), row("m2", state="failed", reason="x"))
    act(desk, sent("marta", "marta's own"), do="hold", scope="*")
    pages = {}
    for name, password in (("support", "öffne:dich"), ("marta", "marta's own")):
        acts = desk.acts.overview(as_(sent(name, password), request("/actions", {"lang": "fr"})))
        message = desk.page.message(as_(sent(name, password), request("/messages/m1", id="m1")))
        pages[name] = acts.body.decode() + message.body.decode()
        assert ("set-cookie" in message.headers) is (name == "marta")
    assert pages["support"].count("<form") == 2, "the search alone"
    assert "support (lecture seule)" in pages["support"]
    assert "<b>retenue</b>" in pages["support"]
    assert '<a href="/actions"' in pages["support"]
    assert pages["marta"].count("<form") > 4
    assert "lecture seule" not in pages["marta"]


def test_the_metrics_are_open_to_every_login(ledger):
    door = logins(OWN)
    assert door.admits(request("/metrics", login=sent("support", "öffne:dich")))
    assert not door.admits(request("/metrics", login=sent("support", "x")))


# --- the configuration


@pytest.mark.parametrize(
    ("web", "said"),
    [
        ("{logins: {marta: {password_hash: geheim}}}", "is no hash of a password"),
        (f'{{logins: {{"a:b": {{password_hash: "{MARTA}"}}}}}}', "a:b"),
        (f'{{logins: {{marta: {{password_hash: "{MARTA}", role: x}}}}}}', "role"),
        (f'{{actions: true, logins: {{marta: {{password_hash: "{MARTA}"}}}}}}', "or a login that may_act"),
        (f'{{operator_user: marta, operator_password: x, logins: {{marta: {{password_hash: "{MARTA}"}}}}}}', "is operator_user as well"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_told_when_the_configuration_is_read(web, said):
    with pytest.raises(ConfigError, match=said):
        parse_settings(f"{BASE}web: {web}\n", environ={})


def test_a_hash_of_the_environment_is_needed_by_the_web_process_alone():
    config = BASE + "web: {logins: {marta: {password_hash: '${MARTA_HASH}'}}}\n"
    settings = parse_settings(config, environ={})
    with pytest.raises(ConfigError, match="MARTA_HASH"):
        OperatorLogins(settings.web)
    assert OperatorLogins(parse_settings(config, environ={"MARTA_HASH": MARTA}).web).configured
    with pytest.raises(ConfigError, match="is no hash"):
        parse_settings(config, environ={"MARTA_HASH": "geheim"})


@pytest.mark.parametrize(
    ("config", "faults"),
    [
        (BOTH, []),
        (BOTH.replace("actions: true", "actions: false"), ["web.logins: marta may_act, but web.actions is off: set it to true."]),
        (BOTH.replace(SUPPORT, MARTA), ["web.logins: marta, support have the same hash, so each can act as the other: give each their own password (mailworker operator-password)."]),
        (BASE, []),
    ],
)  # fmt: skip
def test_the_doctor_says_which_logins_are_not_what_they_seem(config, faults):
    assert list(login_faults(parse_settings(config, environ={}))) == faults
