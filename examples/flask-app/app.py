"""Flask, SQLAlchemy and mailworker: a mail belongs to the transaction that it tells of."""

import os

from flask import Flask, request
from sqlalchemy import ForeignKey, create_engine
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, sessionmaker

from mailworker.integrations.omnicrm import ModelNames, OmnicrmMail


class Base(DeclarativeBase):
    """The models."""


class Customer(Base):
    """A customer."""

    __tablename__ = "customer"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)


class Contact(Base):
    """A person there."""

    __tablename__ = "contact"
    id: Mapped[int] = mapped_column(primary_key=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"))
    email: Mapped[str]
    first_name: Mapped[str]
    last_name: Mapped[str]


NAMES = ModelNames(
    customer_id="id",
    customer_name="name",
    contact_id="id",
    email="email",
    first_name="first_name",
    last_name="last_name",
    contact_type="",
)


def create_app() -> Flask:
    """One application, as `flask --app app` makes it."""
    app = Flask(__name__)
    app.config["MAILWORKER_REDIS_URL"] = os.environ.get("REDIS_URL", "redis://127.0.0.1:6379/0")
    engine = create_engine(os.environ.get("DATABASE_URL", "sqlite:///app.sqlite"))
    Base.metadata.create_all(engine)
    sessions = sessionmaker(engine)
    mail = OmnicrmMail(NAMES)
    mail.init_app(app)
    mail.follow(sessions, Customer, Contact)

    @app.post("/customers")
    def add_customer() -> tuple[dict, int]:
        """Write the customer and the contact; both the mail and Mailjet's contact follow the commit."""
        asked = request.get_json()
        try:
            with sessions.begin() as session:
                customer = Customer(name=asked["name"])
                session.add(customer)
                session.flush()
                first, _, last = asked["contact"].partition(" ")
                session.add(
                    Contact(customer_id=customer.id, email=asked["email"], first_name=first, last_name=last)
                )
                mail.send_after_commit(
                    session,
                    "api_crmCommunicationCustomerWelcome",
                    {"email": asked["email"], "name": asked["contact"]},
                    {
                        "customer_name": asked["contact"],
                        "email": asked["email"],
                        "company_name": asked["name"],
                        "login_url": "https://crm.alize.example/login",
                        "support_url": "https://crm.alize.example/help",
                    },
                    key=f"welcome:{customer.id}",
                )
                number = customer.id
        except IntegrityError:
            return {"error": "there is such a customer"}, 409
        return {"id": number}, 201

    return app
