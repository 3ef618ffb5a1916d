"""For OmniCRM-API: Flask and SQLAlchemy enqueue customers, contacts and mails, after each commit.

    mail = OmnicrmMail(ModelNames())
    mail.init_app(app)                          # app.config["MAILWORKER_REDIS_URL"]
    mail.follow(db.session, Customer, Contact)

Nothing is enqueued before a commit, nor after a rollback, that of a savepoint included. A contact that
could not be enqueued is caught up by `mailworker contacts sync --since`; a mail that could not be, or that is
refused, is given to `on_lost`. OmniCRM's models are not public: `ModelNames` names their attributes.
"""

import logging
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import event, inspect, select
from sqlalchemy.orm import scoped_session

from mailworker.client import MailClient, MaybeEnqueued, NotEnqueued
from mailworker.errors import BadInput

_log = logging.getLogger("mailworker.integrations")
_URL = "MAILWORKER_REDIS_URL"
_KEY = "mailworker"

#: Gets a mail that could not be enqueued: its kind and key, and why.
OnLost = Callable[[str, str, Exception], None]


def log_lost(kind: str, key: str, why: Exception) -> None:
    """Write that a mail could not be enqueued."""
    _log.error("mail %s %s was not enqueued: %s", kind, key, type(why).__name__)


@dataclass(frozen=True, slots=True)
class ModelNames:
    """What the attributes of OmniCRM's models are called; those of a contact that are empty are left out."""

    customer_id: str = "customer_id"
    customer_name: str = "customer_name"
    contact_id: str = "contact_id"
    contact_customer: str = "customer_id"
    email: str = "contact_email"
    first_name: str = "contact_firstname"
    last_name: str = "contact_lastname"
    contact_type: str = "contact_types"


@dataclass(slots=True)
class _Touched:
    """What a transaction has done that is to be enqueued, by id so that the last state counts."""

    customers: set[str] = field(default_factory=set)
    contacts: dict[str, dict[str, str]] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)
    mails: dict[str, dict[str, Any]] = field(default_factory=dict)

    def copy(self) -> "_Touched":
        return _Touched(set(self.customers), dict(self.contacts), set(self.gone), dict(self.mails))


class OmnicrmMail:
    """The wires. One for an application; each process, and each forked child, gets a client of its own."""

    def __init__(
        self,
        names: ModelNames | None = None,
        *,
        make_client: Callable[[str], MailClient] = MailClient,
        on_lost: OnLost = log_lost,
    ) -> None:
        self.names = names or ModelNames()
        self._make_client = make_client
        self._on_lost = on_lost
        self._url = "redis://localhost:6379/0"
        self._clients: dict[int, MailClient] = {}
        self._contact: Any = None
        self._customer: Any = None

    def init_app(self, app: Any) -> None:
        """Flask's way: take the URL from `app.config`, and be found as `app.extensions["mailworker"]`."""
        self._url = app.config.get(_URL) or self._url
        app.extensions[_KEY] = self

    @property
    def client(self) -> MailClient:
        """This process's client."""
        pid = os.getpid()
        if pid not in self._clients:
            self._clients.clear()
            self._clients[pid] = self._make_client(self._url)
        return self._clients[pid]

    def follow(self, session: Any, customer: type, contact: type) -> None:
        """Enqueue every customer and contact that this session (or its factory) commits.

        Raises AttributeError where a model lacks an attribute that `ModelNames` names.
        """
        _check(customer, self.names.customer_id)
        for name in (self.names.contact_id, self.names.contact_customer, self.names.email):
            _check(contact, name)
        self._customer, self._contact = customer, contact
        # So that the address which a contact loses is read before it is gone.
        event.listen(getattr(contact, self.names.email), "set", lambda *_: None, active_history=True)
        event.listen(session, "after_flush", self._remember)
        event.listen(session, "after_transaction_create", self._begun)
        event.listen(session, "before_commit", self._look_twice)
        event.listen(session, "after_commit", self._enqueue)
        event.listen(session, "after_soft_rollback", self._forget)

    def send_after_commit(
        self,
        session: Any,
        kind: str,
        to: str | Mapping[str, str],
        variables: Mapping[str, Any],
        *,
        key: str,
        **more: Any,
    ) -> None:
        """Send this mail once the session has committed, and not at all where it rolls back.

        `session` may be a scoped one, as Flask-SQLAlchemy's: its session of this request is meant.
        """
        if isinstance(session, scoped_session):
            session = session()
        if not session.in_transaction():
            session.begin()  # else a rollback that follows would be none, and nobody would notice it
        touched = _touched(session)
        touched.mails[key] = {"kind": kind, "to": to, "variables": dict(variables), **more}

    def _remember(self, session: Any, _context: Any) -> None:
        touched = _touched(session)
        for row in [*session.new, *session.dirty]:
            if row in session.new or session.is_modified(row):
                self._changed(touched, row)
        for row in session.deleted:
            if isinstance(row, self._contact) and (address := _text(row, self.names.email)):
                touched.gone.add(address)
                touched.contacts.pop(_text(row, self.names.contact_id), None)

    def _changed(self, touched: _Touched, row: Any) -> None:
        if isinstance(row, self._customer):
            touched.customers.add(_text(row, self.names.customer_id))
        if not isinstance(row, self._contact):
            return
        if _text(row, self.names.email):
            person = self._person(row)
            touched.contacts[person["contact_id"]] = person
        else:
            touched.contacts.pop(_text(row, self.names.contact_id), None)
            before = inspect(row).attrs[self.names.email].history.deleted
            touched.gone |= {address for one in before if one and (address := str(one).strip())}

    def _person(self, row: Any) -> dict[str, str]:
        names = self.names
        full = f"{_text(row, names.first_name)} {_text(row, names.last_name)}".strip()
        found = {
            "contact_id": _text(row, names.contact_id),
            "customer_id": _text(row, names.contact_customer),
            "email": _text(row, names.email),
            "name": full,
            "contact_type": _text(row, names.contact_type),
        }
        return {name: value for name, value in found.items() if value}

    def _begun(self, session: Any, transaction: Any) -> None:
        """A savepoint begins: keep what was known until then, for its rollback."""
        if transaction.nested:
            session.info.setdefault(f"{_KEY}_kept", {})[transaction] = _touched(session).copy()

    def _look_twice(self, session: Any) -> None:
        """Who still stands in the database under an address that a contact lost keeps it at Mailjet."""
        touched = _touched(session)
        session.flush()
        if session.in_nested_transaction() or not touched.gone:
            return
        column = getattr(self._contact, self.names.email)
        still = session.scalars(select(column).where(column.in_(touched.gone)))
        touched.gone -= {str(one) for one in still}

    def _enqueue(self, session: Any) -> None:
        if session.in_nested_transaction():
            return  # a savepoint was released: the transaction goes on
        touched = session.info.pop(_KEY)
        session.info.pop(f"{_KEY}_kept", None)
        try:
            self._enqueue_contacts(touched)
        except (NotEnqueued, MaybeEnqueued) as fault:
            _log.warning("contacts not enqueued (%s); a full sync catches up", type(fault).__name__)
        for key, mail in touched.mails.items():
            try:
                self.client.send(**mail, idempotency_key=key)
            except (BadInput, NotEnqueued, MaybeEnqueued) as fault:
                self._on_lost(mail["kind"], key, fault)

    def _enqueue_contacts(self, touched: _Touched) -> None:
        client = self.client
        for customer_id in sorted(touched.customers):
            _enqueue_one(client.sync_customer, {"customer_id": customer_id})
        for person in touched.contacts.values():
            _enqueue_one(client.sync_contact, person)
        for address in sorted(touched.gone):
            _enqueue_one(client.delete_contact, address)

    def _forget(self, session: Any, previous: Any) -> None:
        kept = session.info.get(f"{_KEY}_kept", {})
        if previous.nested:
            session.info[_KEY] = kept.pop(previous, None) or _Touched()
        elif previous.parent is None:
            session.info.pop(_KEY, None)
            kept.clear()


def _touched(session: Any) -> _Touched:
    found = session.info.setdefault(_KEY, _Touched())
    assert isinstance(found, _Touched)
    return found


def _enqueue_one(enqueue: Callable[[Any], None], what: Any) -> None:
    """What the client refuses harms neither the others nor the commit, which stands by now."""
    try:
        enqueue(what)
    except BadInput as fault:
        _log.warning("a contact was not enqueued: %s", fault)


def _text(row: Any, name: str) -> str:
    value = getattr(row, name, None) if name else None
    return "" if value is None else str(value).strip()


def _check(model: type, name: str) -> None:
    if name not in inspect(model).attrs:
        raise AttributeError(f"{model.__name__} has no attribute {name}; name it in ModelNames.")
