"""OmniCRM's side, on real SQLAlchemy sessions: told after the commit, never otherwise, each thing once."""

from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import ForeignKey, create_engine, event, select
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, sessionmaker
from sqlalchemy.pool import StaticPool

from mailworker.client import NotEnqueued
from mailworker.config.catalogue import KINDS
from mailworker.integrations.omnicrm import ModelNames, OmnicrmMail
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
        self.calls = []
        self.away = False

    def _note(self, *call):
        if self.away:
            raise NotEnqueued
        self.calls.append(call)

    def sync_customer(self, customer):
        self._note("customer", customer["customer_id"])

    def sync_contact(self, contact):
        self._note("contact", contact["contact_id"], contact["email"])

    def delete_contact(self, email):
        self._note("delete", email)

    def send(self, **mail):
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
    mail = OmnicrmMail(make_client=lambda url: client, on_lost=lambda *what: lost.append(what[:2]))
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


def test_a_redis_that_is_away_breaks_no_commit_and_loses_no_word_of_a_mail(crm):
    crm.client.away = True
    crm.session.add(Customer(customer_id=1, customer_name="Zoé"))
    OmnicrmMails(crm.mail, crm.session).verify_email({"email": "zoe@x.example"}, {}, key="9")
    crm.session.commit()
    assert crm.session.get(Customer, 1) is not None
    assert crm.lost == [("api_crmCommunicationEmailVerification", "verify:9")]


def test_a_model_of_other_names_is_refused_with_a_sentence():
    with pytest.raises(AttributeError, match="Contact has no attribute mail; say its name in ModelNames"):
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
        st.sampled_from(["add", "change", "delete", "savepoint", "release", "undo", "commit", "rollback"]),
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
    assert known == set(session.scalars(select(Contact.contact_email)))
    session.close()
    crm.engine.dispose()
