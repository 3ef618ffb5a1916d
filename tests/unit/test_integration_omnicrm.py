"""OmniCRM's side, on real SQLAlchemy sessions: told after the commit, never otherwise, each thing once."""

from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import ForeignKey, create_engine, event, select
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, scoped_session, sessionmaker
from sqlalchemy.pool import StaticPool

from mailworker.client import MaybeEnqueued, NotEnqueued
from mailworker.config.builtin_kinds import KINDS
from mailworker.errors import BadInput
from mailworker.integrations.omnicrm import ModelNames, OmnicrmMail, log_lost
from mailworker.integrations.omnicrm_mails import MOMENTS, OmnicrmMails


class Base(DeclarativeBase):
    """OmniCRM's models, by the naming rule that its manual shows; the real ones are not public."""


class Customer(Base):
    __tablename__ = "customer"
    customer_id: Mapped[int] = mapped_column(primary_key=True)
    customer_name: Mapped[str]


class Contact(Base):
    __tablename__ = "contact"
    contact_id: Mapped[int] = mapped_column(primary_key=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.customer_id"))
    contact_firstname: Mapped[str | None]
    contact_lastname: Mapped[str | None]
    contact_email: Mapped[str | None]
    contact_types: Mapped[str | None]


class FakeClient:
    def __init__(self, url="redis://x"):
        self.url = url
        self.calls, self.given = [], []
        self.away = None

    def _note(self, *call):
        if self.away:
            raise self.away
        self.calls.append(call)

    def sync_customer(self, customer):
        self.given.append(customer)
        self._note("customer", customer["customer_id"])

    def sync_contact(self, contact):
        self.given.append(contact)
        self._note("contact", contact["contact_id"], contact["email"])

    def delete_contact(self, email):
        self._note("delete", email)

    def send(self, **mail):
        self.given.append(mail)
        self._note("mail", mail["kind"], mail["idempotency_key"])

    def send_invoice(self, invoice_id, *, idempotency_key):
        self._note("invoice", invoice_id, idempotency_key)

    def send_invoice_reminder(self, invoice_id, *, idempotency_key):
        self._note("reminder", invoice_id, idempotency_key)


def new_crm():
    """A database, a session, and what was told."""
    engine = create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})

    @event.listens_for(engine, "connect")
    def no_autobegin(link, _record):
        link.isolation_level = None  # so that SQLite knows savepoints

    @event.listens_for(engine, "begin")
    def begin(connection):
        connection.exec_driver_sql("BEGIN")

    Base.metadata.create_all(engine)
    factory = sessionmaker(engine)
    client, lost = FakeClient(), []
    mail = OmnicrmMail(
        make_client=lambda url: client, on_lost=lambda *what: lost.append((*what[:2], type(what[2])))
    )
    app = SimpleNamespace(config={"MAILWORKER_REDIS_URL": "redis://there"}, extensions={})
    mail.init_app(app)
    assert app.extensions["mailworker"] is mail
    mail.follow(factory, Customer, Contact)
    return SimpleNamespace(
        session=factory(), told=client.calls, client=client, mail=mail, lost=lost, engine=engine
    )


@pytest.fixture
def crm():
    made = new_crm()
    yield made
    made.session.close()
    made.engine.dispose()


def person(number, email, customer=1):
    return Contact(
        contact_id=number,
        customer_id=customer,
        contact_email=email,
        contact_firstname="Zoé",
        contact_lastname="Œuvrard",
    )


def test_nothing_is_told_before_the_commit(crm):
    crm.session.add_all([Customer(customer_id=1, customer_name="Zoé"), person(11, "zoe@x.example")])
    crm.session.flush()
    assert crm.told == []
    crm.session.commit()
    assert crm.told == [("customer", "1"), ("contact", "11", "zoe@x.example")]
    crm.session.commit()
    assert len(crm.told) == 2, "an empty commit tells nothing"


def test_a_rollback_tells_nothing_then_or_later(crm):
    crm.session.add(Customer(customer_id=1, customer_name="Zoé"))
    crm.session.flush()
    crm.session.rollback()
    crm.session.add(Customer(customer_id=2, customer_name="Paul"))
    crm.session.commit()
    assert crm.told == [("customer", "2")]


def test_a_changed_address_is_told_as_the_same_contact(crm):
    crm.session.add_all([Customer(customer_id=1, customer_name="Zoé"), person(11, "old@x.example")])
    crm.session.commit()
    crm.told.clear()
    crm.session.get(Contact, 11).contact_email = "new@x.example"
    crm.session.commit()
    assert crm.told == [("contact", "11", "new@x.example")]


def test_an_address_that_another_contact_has_stays(crm):
    crm.session.add_all(
        [
            Customer(customer_id=1, customer_name="Zoé"),
            person(11, "a@x.example"),
            person(12, "a@x.example"),
            person(13, "b@x.example"),
        ]
    )
    crm.session.commit()
    crm.told.clear()
    crm.session.delete(crm.session.get(Contact, 11))
    crm.session.delete(crm.session.get(Contact, 13))
    crm.session.commit()
    assert crm.told == [("delete", "b@x.example")]


def test_a_savepoint_that_is_rolled_back_is_forgotten_and_one_released_waits(crm):
    crm.session.add(Customer(customer_id=1, customer_name="Zoé"))
    with crm.session.begin_nested():
        crm.session.add(person(11, "kept@x.example"))
    assert crm.told == [], "a savepoint's end is no commit"
    nested = crm.session.begin_nested()
    crm.session.add(person(12, "gone@x.example"))
    crm.session.flush()
    nested.rollback()
    crm.session.commit()
    assert crm.told == [("customer", "1"), ("contact", "11", "kept@x.example")]


def test_a_contact_that_is_changed_and_then_deleted_is_deleted_alone(crm):
    one = person(1, "zoe@x.example")
    crm.session.add_all([Customer(customer_id=1, customer_name="Zoé"), one])
    crm.session.commit()
    crm.told.clear()
    one.contact_firstname = "Z"
    crm.session.flush()
    crm.session.delete(one)
    crm.session.commit()
    assert crm.told == [("delete", "zoe@x.example")]


def test_who_has_an_address_is_looked_for_at_the_end_not_at_a_savepoint(crm):
    first, second = person(1, "zoe@x.example"), person(2, "zoe@x.example")
    crm.session.add_all([Customer(customer_id=1, customer_name="Zoé"), first, second])
    crm.session.commit()
    crm.told.clear()
    with crm.session.begin_nested():
        crm.session.delete(first)
    second.contact_email = "other@x.example"
    crm.session.commit()
    assert crm.told == [("contact", "2", "other@x.example"), ("delete", "zoe@x.example")]


@pytest.mark.parametrize("end", ["commit", "rollback"])
def test_nothing_is_kept_of_a_transaction_that_is_over(crm, end):
    """A web process has a session for each request, and a worker one for weeks."""
    crm.session.add(Customer(customer_id=1, customer_name="Zoé"))
    with crm.session.begin_nested():
        crm.session.begin_nested().rollback()
    crm.session.begin_nested()
    getattr(crm.session, end)()
    crm.session.rollback()
    assert not any(crm.session.info.values())


def test_a_mail_goes_after_the_commit_or_not_at_all(crm):
    mails = OmnicrmMails(crm.mail, crm.session)
    to = {"email": "zoe@x.example", "name": "Zoé"}
    mails.password_reset(to, {"user_name": "Zoé"}, key="7")
    crm.session.rollback()
    crm.session.add(Customer(customer_id=1, customer_name="Zoé"))
    mails.customer_welcome(to, {}, customer_id="1")
    mails.customer_welcome(to, {}, customer_id="1")
    crm.session.commit()
    assert crm.told == [("customer", "1"), ("mail", "api_crmCommunicationCustomerWelcome", "welcome:1")]


@pytest.mark.parametrize("away", [NotEnqueued, MaybeEnqueued])
def test_a_redis_that_is_away_breaks_no_commit_and_loses_no_word_of_a_mail(crm, caplog, away):
    crm.client.away = away
    crm.session.add(Customer(customer_id=1, customer_name="Zoé"))
    OmnicrmMails(crm.mail, crm.session).verify_email({"email": "zoe@x.example"}, {}, key="9")
    crm.session.commit()
    assert crm.session.get(Customer, 1) is not None
    assert crm.lost == [("api_crmCommunicationEmailVerification", "verify:9", away)]
    assert [one.getMessage() for one in caplog.records] == [
        f"contacts not enqueued ({away.__name__}); a full sync catches up"
    ]


class RefusingClient(FakeClient):
    """Refuses as the client does, before anything is enqueued."""

    def _note(self, *call):
        if any(str(one) in {"2", "verify:bad"} for one in call):
            raise BadInput("contact.email: is not an e-mail address: it has no @.")
        super()._note(*call)


def test_what_is_refused_harms_neither_the_commit_nor_what_else_it_enqueues(crm, monkeypatch, caplog):
    refusing = RefusingClient()
    monkeypatch.setattr(crm.mail, "_make_client", lambda url: refusing)
    mails = OmnicrmMails(crm.mail, crm.session)
    mails.verify_email({"email": "none"}, {}, key="bad")
    mails.verify_email({"email": "zoe@x.example"}, {}, key="9")
    crm.session.add_all([Customer(customer_id=n, customer_name="Zoé") for n in (1, 2, 3)])
    crm.session.add_all([person(2, "n/a", 2), person(4, "zoe@x.example")])
    crm.session.commit()
    assert refusing.calls == [
        ("customer", "1"),
        ("customer", "3"),
        ("contact", "4", "zoe@x.example"),
        ("mail", "api_crmCommunicationEmailVerification", "verify:9"),
    ]
    assert crm.lost == [("api_crmCommunicationEmailVerification", "verify:bad", BadInput)]
    assert [one.getMessage() for one in caplog.records] == 2 * [
        "a contact was not enqueued: contact.email: is not an e-mail address: it has no @."
    ]


def test_a_lost_mail_is_logged_without_a_persons_data(caplog):
    log_lost("kind", "verify:9", NotEnqueued("zoe@x.example"))
    assert [(one.levelname, one.getMessage()) for one in caplog.records] == [
        ("ERROR", "mail kind verify:9 was not enqueued: NotEnqueued")
    ]


@pytest.mark.parametrize(
    ("own", "told"),
    [
        ({}, {"name": "Zoé Œuvrard"}),
        ({"contact_types": "billing"}, {"name": "Zoé Œuvrard", "contact_type": "billing"}),
        ({"contact_firstname": None}, {"name": "Œuvrard"}),
        ({"contact_lastname": " "}, {"name": "Zoé"}),
        ({"contact_firstname": "", "contact_lastname": None}, {}),
        ({"contact_email": " zoe@x.example "}, {"name": "Zoé Œuvrard"}),
    ],
)
def test_of_a_contact_is_told_what_is_known(crm, own, told):
    contact = person(7, "zoe@x.example")
    for name, value in own.items():
        setattr(contact, name, value)
    crm.session.add_all([Customer(customer_id=1, customer_name="C"), contact])
    crm.session.commit()
    known = {"contact_id": "7", "customer_id": "1", "email": "zoe@x.example"}
    assert crm.client.given == [{"customer_id": "1"}, known | told]


@pytest.mark.parametrize("email", [None, "", " "])
@pytest.mark.parametrize(
    ("others", "told"), [("b@x.example", [("delete", "a@x.example")]), ("a@x.example", [])]
)
def test_an_address_that_its_contact_lost_is_deleted_unless_another_has_it(crm, email, others, told):
    crm.session.add_all([person(7, "a@x.example"), person(8, others)])
    crm.session.commit()
    crm.told.clear()
    crm.session.get(Contact, 7).contact_email = email
    crm.session.commit()
    assert crm.told == told


@pytest.mark.parametrize("email", [None, "", " "])
def test_a_contact_without_an_address_is_nobodys_news(crm, email):
    crm.session.add(contact := person(7, email))
    crm.session.commit()
    crm.session.delete(contact)
    crm.session.commit()
    assert crm.told == []


def test_a_row_that_nothing_changed_of_is_no_news(crm):
    crm.session.add(customer := Customer(customer_id=1, customer_name="C"))
    crm.session.commit()
    crm.told.clear()
    customer.customer_name = customer.customer_name + ""
    crm.session.add(Customer(customer_id=2, customer_name="D"))
    crm.session.commit()
    assert crm.told == [("customer", "2")]


def test_a_mail_is_sent_as_it_was_asked_for(crm):
    variables = {"a": 1}
    mails = OmnicrmMails(crm.mail, scoped_session(lambda: crm.session))
    mails.customer_welcome({"email": "zoe@x.example"}, variables, customer_id="C-1")
    variables["a"] = 2
    crm.session.commit()
    assert crm.client.given == [
        {
            "kind": "api_crmCommunicationCustomerWelcome", "to": {"email": "zoe@x.example"},
            "variables": {"a": 1}, "customer_id": "C-1", "idempotency_key": "welcome:C-1",
        }
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("call", "kind", "key"),
    [
        ("user_welcome", "api_crmCommunicationUserWelcome", "user-welcome:1"),
        ("password_reset", "api_crmCommunicationUserPasswordReset", "reset:1"),
        ("password_reset_done", "api_crmCommunicationUserPasswordResetSuccess", "reset-done:1"),
        ("password_changed", "api_crmCommunicationUserPasswordChange", "password:1"),
        ("verify_email", "api_crmCommunicationEmailVerification", "verify:1"),
    ],
)
def test_each_moment_has_its_kind_and_its_key(crm, call, kind, key):
    getattr(OmnicrmMails(crm.mail, crm.session), call)({"email": "zoe@x.example"}, {}, key="1")
    crm.session.commit()
    assert crm.told == [("mail", kind, key)]


@pytest.mark.parametrize(
    ("config", "url"),
    [({"MAILWORKER_REDIS_URL": "redis://there"}, "redis://there"), ({}, "redis://localhost:6379/0")],
)
def test_each_process_has_a_client_of_its_own(monkeypatch, config, url):
    mail = OmnicrmMail(make_client=FakeClient)
    mail.init_app(SimpleNamespace(config=config, extensions={}))
    first = mail.client
    assert (mail.client, first.url) == (first, url)
    monkeypatch.setattr("mailworker.integrations.omnicrm.os.getpid", lambda: -1)
    assert mail.client is not first
    assert list(mail._clients) == [-1], "a parent's connections are let go of"


@pytest.mark.parametrize("name", ["customer_id", "contact_id", "contact_customer", "email"])
def test_a_name_that_a_model_lacks_is_found_at_once(name):
    with pytest.raises(AttributeError, match="has no attribute other"):
        OmnicrmMail(ModelNames(**{name: "other"})).follow(sessionmaker(), Customer, Contact)


def test_a_model_of_other_names_is_refused_with_a_sentence():
    with pytest.raises(AttributeError, match="Contact has no attribute mail; name it in ModelNames"):
        OmnicrmMail(ModelNames(email="mail")).follow(sessionmaker(), Customer, Contact)


def test_every_kind_of_the_manual_has_its_moment_and_each_call_its_kind(crm):
    assert set(MOMENTS) == set(KINDS)
    mails = OmnicrmMails(crm.mail, crm.session)
    to = {"email": "zoe@x.example"}
    for call in (
        mails.user_welcome,
        mails.password_reset,
        mails.password_reset_done,
        mails.password_changed,
        mails.verify_email,
    ):
        call(to, {}, key="1")
    mails.customer_welcome(to, {}, customer_id="1")
    crm.session.execute(select(1))
    crm.session.commit()
    mails.invoice("5")
    mails.invoice("5", copy="2026-11-28")
    mails.reminder("5", key="5:today")
    sent = {call[1] for call in crm.told if call[0] == "mail"}
    assert len(sent) == 6
    assert sent <= set(KINDS)
    assert [call[2] for call in crm.told[-3:]] == [
        "invoice:5",
        "invoice:5:copy:2026-11-28",
        "reminder:5:today",
    ]


def test_a_mail_of_a_savepoint_that_is_rolled_back_is_not_sent(crm):
    mails = OmnicrmMails(crm.mail, crm.session)
    nested = crm.session.begin_nested()
    mails.verify_email({"email": "zoe@x.example"}, {}, key="9")
    nested.rollback()
    crm.session.commit()
    assert crm.told == []


STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            ["add", "change", "clear", "delete", "savepoint", "release", "undo", "commit", "rollback"]
        ),
        st.integers(1, 4),
    ),
    max_size=25,
)


@settings(max_examples=60, deadline=None)
@given(STEPS)
def test_what_was_told_is_what_the_database_holds(steps):
    crm = new_crm()
    session, nested = crm.session, []
    session.add(Customer(customer_id=1, customer_name="Zoé"))
    session.commit()
    for what, number in steps:
        found = session.get(Contact, number)
        if what == "add" and found is None:
            session.add(person(number, f"{number}@x.example"))
        elif what == "change" and found is not None:
            found.contact_lastname = f"{found.contact_lastname}."
        elif what == "clear" and found is not None:
            found.contact_email = None
        elif what == "delete" and found is not None:
            session.delete(found)
        elif what == "savepoint":
            nested.append(session.begin_nested())
        elif what == "release" and nested:
            nested.pop().commit()
        elif what == "undo" and nested:
            nested.pop().rollback()
        elif what == "commit":
            session.commit()
            nested.clear()
        elif what == "rollback":
            session.rollback()
            nested.clear()
        session.flush()
    session.commit()
    session.commit()
    known = set()
    for call in crm.told:
        if call[0] == "contact":
            known.add(call[2])
        elif call[0] == "delete":
            known.discard(call[1])
    assert known == set(session.scalars(select(Contact.contact_email))) - {None}
    session.close()
    crm.engine.dispose()
