"""OmniCRM's side on a real Flask with a real Flask-SQLAlchemy: requests commit, roll back, fail."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from flask import Flask, abort
from flask.testing import FlaskClient
from flask_sqlalchemy import SQLAlchemy

from mailworker.client import NotEnqueued
from mailworker.integrations.omnicrm import ModelNames, OmnicrmMail
from mailworker.integrations.omnicrm_mails import OmnicrmMails
from tests.unit.test_integration_omnicrm import FakeClient


@dataclass
class Crm:
    """A little OmniCRM-API, and what mailworker was told."""

    web: FlaskClient
    client: Any
    lost: list[tuple[str, str]]

    @property
    def told(self) -> list[tuple[str, ...]]:
        return list(self.client.calls)


@pytest.fixture
def crm() -> Iterator[Crm]:
    app, db = Flask("crm"), SQLAlchemy()
    app.config |= {
        "SQLALCHEMY_DATABASE_URI": "sqlite://",
        "MAILWORKER_REDIS_URL": "redis://there",
        "TESTING": False,
    }
    client: Any = FakeClient()
    lost: list[tuple[str, str]] = []
    mail = OmnicrmMail(
        ModelNames(email="email"),
        make_client=lambda _url: client,
        on_lost=lambda kind, key, _why: lost.append((kind, key)),
    )

    class Customer(db.Model):  # type: ignore[name-defined,misc]
        customer_id = db.Column(db.Integer, primary_key=True)
        customer_name = db.Column(db.String)

    class Contact(db.Model):  # type: ignore[name-defined,misc]
        contact_id = db.Column(db.Integer, primary_key=True)
        customer_id = db.Column(db.ForeignKey("customer.customer_id"))
        contact_firstname = db.Column(db.String)
        contact_lastname = db.Column(db.String)
        contact_types = db.Column(db.String)
        email = db.Column(db.String)

    db.init_app(app)
    mail.init_app(app)
    mail.follow(db.session, Customer, Contact)
    mails = OmnicrmMails(mail, db.session)

    @app.post("/contact/<int:number>/<email>")
    def save(number: int, email: str) -> str:
        db.session.merge(Customer(customer_id=1, customer_name="Zoé"))
        db.session.merge(Contact(contact_id=number, customer_id=1, email=email))
        mails.verify_email({"email": email}, {}, key=f"{number}:{email}")
        db.session.commit()
        return "saved"

    @app.post("/broken/<int:number>")
    def broken(number: int) -> str:
        db.session.add(Contact(contact_id=number, customer_id=1, email="never@x.example"))
        mails.verify_email({"email": "never@x.example"}, {}, key="never")
        db.session.flush()
        abort(500)

    @app.delete("/contact/<int:number>")
    def remove(number: int) -> str:
        db.session.delete(db.session.get(Contact, number))
        db.session.commit()
        return "gone"

    with app.app_context():
        db.create_all()
    # Outside of the context: each request has one of its own, whose end lets its session go.
    yield Crm(app.test_client(), client, lost)
    with app.app_context():
        db.engine.dispose()


def test_a_request_that_commits_tells_of_all_that_it_did(crm: Crm) -> None:
    assert crm.web.post("/contact/7/zoe@x.example").status_code == 200
    kind = "api_crmCommunicationEmailVerification"
    assert sorted(crm.told) == [
        ("contact", "7", "zoe@x.example"), ("customer", "1"), ("mail", kind, "verify:7:zoe@x.example"),
    ]  # fmt: skip


def test_a_request_that_fails_after_its_flush_tells_nothing_then_or_in_the_next(crm: Crm) -> None:
    assert crm.web.post("/broken/8").status_code == 500
    assert crm.told == []
    crm.web.post("/contact/9/ana@x.example")
    assert not any("never" in str(call) for call in crm.told)


def test_a_deleted_contact_is_deleted_at_mailjet(crm: Crm) -> None:
    crm.web.post("/contact/7/zoe@x.example")
    crm.client.calls.clear()
    crm.web.delete("/contact/7")
    assert crm.told == [("delete", "zoe@x.example")]


def test_a_redis_that_is_away_breaks_no_request(crm: Crm) -> None:
    crm.client.away = NotEnqueued
    assert crm.web.post("/contact/7/zoe@x.example").status_code == 200
    assert crm.lost == [("api_crmCommunicationEmailVerification", "verify:7:zoe@x.example")]
