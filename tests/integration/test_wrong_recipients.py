"""Nobody gets what is not theirs or what they must not get, whatever a stranger, a mistake or bad luck brings about.

Jobs come in as a caller gives them, mails leave for a Mailjet that remembers them, events come as Mailjet posts
them; between these everything is the product's own.
"""

import hashlib

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as profile
from hypothesis import strategies as st
from sqlalchemy import delete

from mailworker.config.builtin_kinds import KINDS
from mailworker.core.lane import Lane
from mailworker.deliveries import Deliveries
from mailworker.dispatch import DispatchDependencies, Dispatcher
from mailworker.errors import BadInput, IdempotencyConflict, Refused
from mailworker.export_and_erasure import Privacy
from mailworker.intake import Intake
from mailworker.ledger import Ledger
from mailworker.ledger.contact_tables import mailjet_contacts
from mailworker.ledger.message_search import MessageFilter
from mailworker.ledger.replay_cancel import candidates, replay
from mailworker.mailjet.parse_webhook import parse_events
from mailworker.rules.may_replay import replay_hindrance
from mailworker.suppressions_by_hand import Suppressions
from tests.doubles import Clock, FakeBreaker, FakeBucket, FakeFiles, FakePost, MemoryJournal, settings
from tests.rows import STRICT, URGENT
from tests.send_payload import message_payload
from tests.unit.test_privacy import everything

pytestmark = pytest.mark.integration

ANA = "ana@exämple.fr"
#: One mailbox, as its owner, her CRM and Mailjet may write it.
SPELLINGS = ["ana@exämple.fr", "Ana@EXÄMPLE.fr", "ana@xn--exmple-cua.fr", "ANA@XN--EXMPLE-CUA.FR", "ana@exa\u0308mple.fr", " ana@exämple.fr "]  # fmt: skip
#: Others' mailboxes that look like it.
OTHERS = ["ana+news@exämple.fr", "ana@example.fr", "an.a@exämple.fr", "anna@exämple.fr", "ana@exämple.fr.example.com", "аna@exämple.fr"]  # fmt: skip
NEWS = "api_crmCommunicationOurNews"
HARD = {"hard_bounce": True, "error_related_to": "recipient", "error": "user unknown"}
SAMPLES = {"url": "https://h.example/1", "integer": 3, "email": "a@b.fr"}


def good(kind):
    """Variables as the kind wants them."""
    given = {one.name: SAMPLES.get(one.type.value, "text") for one in KINDS[kind].variables if one.required}
    return given | ({"customer_name": "Ana"} if "customer_name" in given else {})


VARIABLES = {kind: good(kind) for kind in (STRICT, URGENT)} | {NEWS: {}}


class Scene:
    """One installation: what goes in, what left, and whatever else happens."""

    def __init__(self, path, extra=""):
        self.ledger = Ledger.open(f"sqlite:///{path}")
        self.files, self.post, self.clock = FakeFiles(), FakePost(), Clock()
        self.left = []
        self.configure(extra)

    def configure(self, extra=""):
        self.settings = settings(extra)
        deps = DispatchDependencies(
            self.ledger, FakeBucket(), self.post, self.files, lambda rows: {}, FakeBreaker(), MemoryJournal()
        )
        self.dispatcher = Dispatcher(self.settings, deps, clock=self.clock)
        self.intake = Intake(self.ledger, self.settings.kinds, self.files, language="fr")
        self.deliveries = Deliveries(self.ledger, self.settings.kinds)
        self.tool = Suppressions(self.ledger, None, str, self.clock)
        self.tool._resubscribe = lambda *_: (0, 0)
        return self

    def ask(self, to, kind=STRICT, **more):
        given = {"kind": kind, "to": to, "variables": VARIABLES[kind]} | more
        return self.intake.accept(given, now=self.clock()).ids

    def go(self):
        """Send what may leave; the mails of this time."""
        before = len(self.left)
        for lane in Lane:
            while (done := self.dispatcher.dispatch_once(lane, patience=1)) is not None:
                self.left += self.post.mails if done.called else []
                self.clock.advance(1)
        return self.left[before:]

    def tell(self, event, email, message="", **fields):
        self.clock.advance(1)
        raw = {
            "event": event,
            "time": int(self.clock().timestamp()),
            "CustomID": message,
            "email": email,
        } | fields
        self.deliveries.record(parse_events([raw]), now=self.clock())

    def erase(self, email):
        return Privacy(self.ledger, self.files).erase(email, now=self.clock())

    def failing(self, to, kind=STRICT, **more):
        """A message that Mailjet refused for good, as an operator finds it."""
        answer, self.post.answer = self.post.answer, lambda mail: Refused("no", code="mj-0013")
        (id_,) = self.ask(to, kind, **more)
        assert self.go() != []
        self.post.answer = answer
        return id_

    def replay(self, id_):
        """As `mailworker messages replay` does; what left then."""
        with self.ledger.write() as connection:
            rows = candidates(connection, MessageFilter(ids=(id_,)), limit=10)
            able = [
                row
                for row in rows
                if not replay_hindrance(row, self.settings.kinds.get(row["kind"]), self.clock())
            ]
            replay(connection, able, now=self.clock(), why="by hand")
        return self.go()


def people(mails):
    return sorted(one.email for mail in mails for one in (mail.to, *mail.cc, *mail.bcc))


@pytest.fixture
def scene(tmp_path):
    made = Scene(tmp_path / "ledger.db")
    yield made
    made.ledger.close()


@pytest.fixture
def new_scene(tmp_path_factory):
    scenes = []

    def make(extra=""):
        scenes.append(Scene(tmp_path_factory.mktemp("scene") / "ledger.db", extra))
        return scenes[-1]

    yield make
    for one in scenes:
        one.ledger.close()


# --- replays ----------------------------------------------------------------------------------------------


def test_what_failed_goes_again_once(scene):
    id_ = scene.failing(ANA)
    assert people(scene.replay(id_)) == [ANA]
    assert scene.replay(id_) == []


def test_after_an_erasure_nothing_is_replayed(scene):
    id_ = scene.failing(ANA, cc="paul@client.example")
    scene.erase(SPELLINGS[3])
    assert scene.replay(id_) == []


def test_a_copys_owner_who_was_erased_gets_none_by_a_replay(scene):
    id_ = scene.failing("paul@client.example", cc=SPELLINGS[2], bcc="eve@client.example")
    scene.erase(ANA)
    assert people(scene.replay(id_)) == ["eve@client.example", "paul@client.example"]


def test_a_replay_asks_the_list_as_it_is_now(scene):
    id_ = scene.failing(ANA)
    scene.tool.add(SPELLINGS[3], why="he asked", by="marta")
    scene.clock.advance(60)
    scene.tool.lift(SPELLINGS[2], why="by mistake", by="marta")
    scene.clock.advance(60)
    scene.tool.add(SPELLINGS[1], why="no mistake", by="marta")
    assert scene.replay(id_) == []


def test_a_replay_asks_the_safelist_as_it_is_now(scene):
    id_ = scene.failing(ANA)
    scene.configure("  environment: staging\n  safelist: [paul@client.example]\n")
    assert scene.replay(id_) == []


def test_a_replay_takes_no_copy_to_somebody_who_is_not_on_the_safelist(scene):
    id_ = scene.failing(ANA, bcc="boss@client.example")
    scene.configure(f"  environment: staging\n  safelist: ['{SPELLINGS[2]}']\n")
    assert scene.replay(id_) == []


def test_a_replay_carries_the_very_file_or_does_not_leave(scene):
    file = {"filename": "a.pdf", "content_type": "application/pdf", "content": b"ANA'S OWN"}
    id_ = scene.failing(ANA, attachments=[file])
    ((key, content),) = scene.files.content.items()
    scene.files.content[key] = b"BOB'S ONE"
    assert scene.replay(id_) == []
    scene.files.content[key] = content
    assert [one.base64 for mail in scene.replay(id_) for one in mail.attachments] == ["QU5BJ1MgT1dO"]


def test_a_replay_has_todays_template_and_its_own_words(scene):
    id_ = scene.failing(ANA)
    scene.configure().settings = settings()
    scene.settings.mailjet.blocks[STRICT].__dict__["template_id"] = 77
    scene.dispatcher._settings = scene.settings
    (mail,) = scene.replay(id_)
    assert (mail.template_id, mail.variables["customer_name"], mail.to.email) == (77, "Ana", ANA)


def test_who_fails_while_the_job_waits_gets_nothing_though_it_was_accepted(scene):
    scene.ask(ANA)
    scene.ask("paul@client.example", cc=ANA, bcc=[SPELLINGS[2]])
    scene.tell("bounce", SPELLINGS[3], **HARD)
    assert people(scene.go()) == ["paul@client.example"]


# --- one person in every spelling -------------------------------------------------------------------------


@profile(max_examples=20, suppress_health_check=list(HealthCheck), deadline=None)
@given(
    told=st.sampled_from(SPELLINGS),
    written=st.sampled_from(SPELLINGS),
    other=st.sampled_from(OTHERS),
    event=st.sampled_from(["bounce", "spam", "by hand"]),
    kind=st.sampled_from([STRICT, URGENT, NEWS]),
)
def test_whoever_must_not_be_written_to_is_found_however_they_are_written(new_scene, told, written, other, event, kind):  # fmt: skip
    scene = new_scene()
    if event == "by hand":
        scene.tool.add(told, why="he asked", by="marta")
    else:
        scene.tell(event, told.strip(), **(HARD if event == "bounce" else {}))
    scene.ask(written, kind)
    scene.ask(other, kind, cc=written)
    assert len(people(scene.go())) == 1, "only the other one"
    scene.clock.advance(60)
    scene.tool.lift(told, why="by mistake", by="marta")
    scene.ask(written, kind, idempotency_key="again")
    assert len(scene.go()) == 1


@given(
    st.lists(st.sampled_from(SPELLINGS), min_size=1, max_size=3),
    st.lists(st.sampled_from(SPELLINGS), max_size=3),
)
@profile(max_examples=10, suppress_health_check=list(HealthCheck), deadline=None)
def test_one_person_gets_one_copy(new_scene, cc, bcc):
    scene = new_scene()
    scene.ask("paul@client.example", cc=cc, bcc=bcc)
    assert len(people(scene.go())) == 2
    scene.ask(SPELLINGS[0], cc=cc, bcc=bcc)
    assert len(people(scene.go())) == 1, "no copy beside one's own mail"


@pytest.mark.parametrize("written", [
    "Ana <ana@client.example>", "ana@client.example, eve@client.example", "ana@client.example\r\nBcc: eve@client.example",
    "ana(comment)@client.example", "ana@client.example (Eve)", "ana@[127.0.0.1]", "<ana@client.example>", "mailto:ana@client.example",
    "ana@client.example>", "ana;eve@client.example", "ana@eve@client.example", "ana@client.example\x00", "ana\u200b@client.example",
    "ana@client.example\u2028eve@client.example", "ana%eve.example@client.example,eve@x.example",
])  # fmt: skip
def test_what_is_more_than_one_address_is_none(scene, written):
    for asked in (
        {"to": written},
        {"to": "p@client.example", "cc": written},
        {"to": [written]},
        {"to": {"email": written, "name": "A"}},
    ):
        with pytest.raises(BadInput):
            scene.ask(**asked)
    assert scene.go() == []


@pytest.mark.parametrize(
    "written", ["Ana <ana@exämple.fr>", "ana(x)@exämple.fr", "ana@exämple.fr, paul@client.example", "ana"]
)
@pytest.mark.parametrize("do", [
    lambda scene, written: scene.tool.add(written, why="w", by="b"),
    lambda scene, written: scene.tool.lift(written, why="w", by="b"),
    lambda scene, written: scene.tool.show(written),
])  # fmt: skip
def test_no_tool_takes_for_somebody_what_is_no_address(scene, do, written):
    with pytest.raises(BadInput):
        do(scene, written)


@pytest.mark.parametrize("written", ["ana@exämple.fr.", '"ana"@exämple.fr', "ana@EXÄMPLE。fr"])
def test_what_mailjet_may_write_is_the_same_person(scene, written):
    scene.tell("bounce", written, **HARD)
    scene.ask(ANA)
    assert scene.go() == []


def test_a_display_name_is_a_name(scene):
    scene.ask({"email": ANA, "name": "boss@client.example>, <eve@client.example>\r\nBcc: eve@client.example"})
    (mail,) = scene.go()
    assert people([mail]) == [ANA]
    payload = message_payload(mail)
    assert [one["Email"] for one in payload["To"]] == ["ana@xn--exmple-cua.fr"]
    assert not set("\r\n<>") & set(payload["To"][0]["Name"])
    assert "Cc" not in payload
    assert "Bcc" not in payload


# --- header injection -------------------------------------------------------------------------------------

BREAKS = ["\r\nBcc: eve@client.example", "\nBcc: eve@client.example", "\rBcc: eve@client.example", "\x0bBcc: x", "\x00", "\u2028Bcc: x", "\x85Bcc: x"]  # fmt: skip


@pytest.mark.parametrize("broken", BREAKS)
@pytest.mark.parametrize(
    "place", ["name", "filename", "content_type", "key", "language", "customer_id", "kind"]
)
def test_nothing_of_a_job_makes_a_header(scene, broken, place):
    file = {"filename": "a.pdf", "content_type": "application/pdf", "content": "QQ=="}
    job = {
        "kind": STRICT,
        "to": {"email": ANA, "name": "Ana"},
        "variables": VARIABLES[STRICT],
        "attachments": [file],
    }
    where = {
        "name": job["to"], "filename": file, "content_type": file, "key": job, "language": job, "customer_id": job, "kind": job,
    }[place]  # fmt: skip
    name = {"key": "idempotency_key"}.get(place, place)
    where[name] = f"{where.get(name) or 'x'}{broken}"
    try:
        scene.intake.accept(job, now=scene.clock())
    except BadInput:
        return
    (mail,) = scene.go()
    payload = message_payload(mail)
    assert people([mail]) == [ANA]
    lines = [payload["To"][0].get("Name", ""), payload["Attachments"][0]["Filename"], payload["Attachments"][0]["ContentType"], payload["CustomID"]]  # fmt: skip
    assert all(len(line.splitlines()) <= 1 and "\x00" not in line for line in lines)


# --- copies -----------------------------------------------------------------------------------------------


def test_a_copys_fate_is_the_copys_own(scene):
    (id_,) = scene.ask("paul@client.example", cc=ANA)
    scene.go()
    scene.tell("sent", "paul@client.example", id_, MessageID=1)
    scene.tell("bounce", SPELLINGS[3], id_, MessageID=2, **HARD)
    scene.ask("paul@client.example", cc=ANA, idempotency_key="next")
    scene.ask(ANA, idempotency_key="own")
    assert people(scene.go()) == ["paul@client.example"]


def test_after_an_erasure_no_event_brings_a_copys_address_back(scene):
    (id_,) = scene.ask("paul@client.example", cc=ANA, bcc="eve@client.example")
    scene.go()
    scene.erase(ANA)
    scene.tell("sent", SPELLINGS[2], id_, MessageID=2)
    scene.tell("bounce", SPELLINGS[3], id_, MessageID=2, **HARD)
    assert "ana@" not in everything(scene.ledger)
    scene.ask("paul@client.example", cc=ANA, idempotency_key="next")
    assert people(scene.go()) == ["paul@client.example"], "and yet it stays stopped"


def test_after_an_erasure_no_stray_event_brings_a_stopped_address_back(scene):
    scene.tell("spam", ANA)
    scene.erase(ANA)
    with scene.ledger.write() as connection:  # by the contacts' own job
        connection.execute(delete(mailjet_contacts))
    scene.tell("bounce", SPELLINGS[3], "another-programs-id", **HARD)
    scene.tell("open", SPELLINGS[2], "another-programs-id")
    assert "ana@" not in everything(scene.ledger)
    scene.ask(ANA)
    assert scene.go() == []


# --- others' events ---------------------------------------------------------------------------------------


def test_an_event_of_another_programs_message_moves_no_message_of_ours(scene):
    (id_,) = scene.ask(ANA)
    scene.go()
    scene.tell(
        "blocked", ANA, "their-own-id", MessageID=987, error_related_to="content", error="spam content"
    )
    with scene.ledger.read() as connection:
        (row,) = candidates(connection, MessageFilter(ids=(id_,)), limit=1)
    assert (row["state"], row["delivery"]) == ("sent", None)
    assert scene.replay(id_) == []
    scene.ask(ANA, idempotency_key="next")
    assert people(scene.go()) == [ANA]


def test_an_event_that_names_our_message_and_a_strangers_address_is_not_the_recipients(scene):
    (id_,) = scene.ask(ANA)
    scene.go()
    scene.tell("spam", "stranger@client.example", id_, MessageID=5)
    scene.ask(ANA, idempotency_key="next")
    assert people(scene.go()) == [ANA]


@pytest.mark.parametrize("message", ["%", "' OR 1=1 --", "m" * 5_000, "\x00", "../../etc/passwd", "\ud800"])
def test_an_id_that_is_none_is_nobodys(scene, message):
    scene.ask(ANA)
    scene.go()
    scene.tell("spam", "", message)
    scene.ask(ANA, idempotency_key="next")
    assert people(scene.go()) == [ANA]


# --- the same key, somebody else ---------------------------------------------------------------------------


def test_a_refused_job_changes_nothing_of_the_one_that_has_its_key(scene):
    mine = {"filename": "a.pdf", "content_type": "application/pdf", "content": b"ANA"}
    scene.ask(ANA, idempotency_key="contract", attachments=[mine])
    before = dict(scene.files.content)
    for changed in (
        {"to": "bob@client.example"},
        {"attachments": [mine | {"content": b"BOB"}]},
        {"cc": "bob@client.example"},
    ):
        with pytest.raises(IdempotencyConflict):
            scene.ask(**({"to": ANA, "idempotency_key": "contract", "attachments": [mine]} | changed))
    assert scene.files.content == before
    (mail,) = scene.go()
    assert people([mail]) == [ANA]
    assert [hashlib.sha256(b"ANA").hexdigest() in key for key in before] == [True]


def test_the_same_job_in_another_spelling_is_the_same_mail(scene):
    first = scene.ask(ANA, idempotency_key="k")
    assert first == scene.ask(SPELLINGS[2], idempotency_key="k")
    assert len(scene.go()) == 1
