"""What OmniCRM imports: `MailClient(redis_url).send(...)`.

Needs Redis and Celery's client half only; no database, no PDF library, no Mailjet.
"""

import os
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from redis.backoff import NoBackoff
from redis.retry import Retry

from mailworker.config.builtin_kinds import INVOICE, INVOICE_REMINDER, KINDS
from mailworker.core.chunks import chunked
from mailworker.core.clock import utc_now
from mailworker.core.json_fields import is_label, label_rule
from mailworker.core.kind import Kind
from mailworker.core.message import Job
from mailworker.errors import BadInput
from mailworker.observability.tracing import enqueue_carrier
from mailworker.queue import envelope
from mailworker.queue.add_jobs import MaybeEnqueued, NotEnqueued, add_jobs
from mailworker.queue.celery_queues import CONTACTS, MAIL, Channel
from mailworker.queue.celery_sender import celery_sender
from mailworker.queue.redis_connection import connect
from mailworker.queue.status_reply import MessageStatus, NoAnswer, ask_status
from mailworker.queue.wake import send_wake_up
from mailworker.rules.balance_key import Alert, balance_key
from mailworker.rules.contact_input import check_contact, check_customer, check_email
from mailworker.rules.job.check_job import MAX_INVOICE_ID, check_job
from mailworker.rules.job.idempotency_key import by_hand_key

__all__ = [
    "Alert",
    "Enqueued",
    "MailClient",
    "MaybeEnqueued",
    "MessageStatus",
    "NoAnswer",
    "NotEnqueued",
    "balance_key",
]

#: How many jobs travel to Redis at once in `send_many`.
CHUNK = 1_000
_LONGEST_PATIENCE = 3600
#: The configuration's own default.
_PARIS = ZoneInfo("Europe/Paris")


@dataclass(frozen=True, slots=True)
class Enqueued:
    """What `send_many` did. `refused` gives for each wrong job its position, from 0, and its faults."""

    ids: list[str] = field(default_factory=list)
    refused: list[tuple[int, BadInput]] = field(default_factory=list)


class MailClient:
    """Enqueues mail for the workers. Safe to share between threads; make a new one after a fork.

    `redis_url` is the workers' Redis (default: the environment's REDIS_URL). `kinds` are needed only where
    the configuration has kinds of its own: pass `load_settings().kinds`; so it is with `timezone`, the
    configuration's worker.timezone.

    Every method returns once Redis has the job. From then on nothing but the loss of Redis's own data loses
    it. They raise BadInput, with every fault, before anything is enqueued; NotEnqueued when Redis could not
    be reached; MaybeEnqueued when it did not answer: repeat the call with the same `idempotency_key` then.
    With `replicas`, a job counts once so many of Redis's replicas have it, and is MaybeEnqueued otherwise.
    """

    def __init__(
        self,
        redis_url: str | None = None,
        *,
        kinds: Mapping[str, Kind] = KINDS,
        language: str = "fr",
        timezone: tzinfo = _PARIS,
        replicas: int = 0,
    ) -> None:
        if not isinstance(kinds, Mapping) or not all(isinstance(one, Kind) for one in kinds.values()):
            raise BadInput("kinds: pass load_settings().kinds, or leave it out.")
        if not isinstance(replicas, int) or replicas < 0:
            raise BadInput("replicas: must be a whole number, 0 for none.")
        if not isinstance(timezone, tzinfo):
            raise BadInput("timezone: pass load_settings().worker.timezone, or leave it out.")
        self._replicas = replicas
        url = redis_url or os.environ.get("REDIS_URL") or "redis://127.0.0.1:6379/0"
        self._kinds = kinds
        self._language = language
        self._timezone = timezone
        self._redis = connect(
            url,
            decode_responses=True,
            protocol=2,
            socket_timeout=5,
            socket_connect_timeout=2,
            retry=Retry(NoBackoff(), 0),
        )
        self._celery = celery_sender("mailworker-client", url)

    def send(  # noqa: PLR0913 - the public contract
        self,
        kind: str,
        to: str | Mapping[str, str] | Sequence[str | Mapping[str, str]],
        variables: Mapping[str, Any],
        *,
        idempotency_key: str | None = None,
        language: str | None = None,
        customer_id: str | None = None,
        send_at: datetime | str | None = None,
        expires_at: datetime | str | None = None,
        attachments: Sequence[Mapping[str, Any]] | None = None,
        cc: Any = None,
        bcc: Any = None,
    ) -> str:
        """Send one e-mail of this kind, and give its message id.

        `to` is an address, `{"email", "name"}`, or a list of these: each of them gets a message of their own,
        and the id is the first one's (`send_many` gives them all). `attachments` are `{"filename",
        "content_type", "content"}` with bytes or base64 text. Times are aware or carry their offset.
        """
        return self._send(_given(locals()))

    def send_invoice(
        self,
        invoice_id: str | None = None,
        invoice: Mapping[str, Any] | None = None,
        to: Any = None,
        *,
        idempotency_key: str | None = None,
        language: str | None = None,
        replaces: str | None = None,
    ) -> str:
        """Send an invoice with its PDF, and give the message id.

        Either `invoice`, whole, in OmniCRM's names, or `invoice_id`, which the worker fetches from the CRM.
        `to` is the customer's own address where it is left out. One invoice goes to one address once; a copy
        that the customer asked for needs an `idempotency_key` of its own; a corrected document under the same
        number says by `replaces` which message it corrects.
        """
        if (invoice_id is None) == (invoice is None):
            raise BadInput("invoice, invoice_id: give exactly one of them.")
        return self._send({"kind": INVOICE, "variables": {}} | _given(locals()))

    def send_invoice_reminder(self, invoice_id: str, *, idempotency_key: str | None = None) -> str:
        """Remind a customer of an invoice by hand, whatever the ladder says, and give the message id.

        Without a key of its own it goes once a day of `timezone`.
        """
        if not is_label(invoice_id, MAX_INVOICE_ID):
            raise BadInput(f"invoice_id: {label_rule(MAX_INVOICE_ID)}.")
        key = idempotency_key or by_hand_key(INVOICE_REMINDER, invoice_id, utc_now(), self._timezone)
        return self._send({"kind": INVOICE_REMINDER, "invoice_id": invoice_id, "idempotency_key": key})

    def send_many(
        self, jobs: Iterable[Mapping[str, Any]], *, on_progress: Callable[[int], None] | None = None
    ) -> Enqueued:
        """Enqueue many jobs, each a mapping of `send`'s arguments, a thousand at a time.

        Wrong jobs are left out and listed in `refused`; others go. `on_progress` gets after each chunk how
        many were looked at. When Redis fails in the middle it raises like `send`: what went before is
        enqueued, and the same jobs with the same keys can be sent again.
        """
        if isinstance(jobs, str | bytes | Mapping) or not isinstance(jobs, Iterable):
            raise BadInput("jobs: write a list of jobs, each an object with send's arguments.")
        if on_progress is not None and not callable(on_progress):
            raise BadInput("on_progress: must be a function that takes a number.")
        done = Enqueued()
        looked_at = 0
        for chunk in chunked(jobs, CHUNK):
            checked: list[Job] = []
            entries: list[tuple[Channel, envelope.Entry]] = []
            now = utc_now()
            for position, raw in enumerate(chunk, start=looked_at):
                try:
                    new, entry = self._seal(raw, now)
                except BadInput as fault:
                    done.refused.append((position, fault))
                    continue
                checked += new
                entries.append((MAIL[new[0].lane], entry))
            self._enqueue(entries)
            done.ids.extend(job.id for job in checked)
            looked_at += len(chunk)
            if on_progress is not None:
                on_progress(looked_at)
        return done

    def status(self, message_id: str, *, patience: float = 5.0) -> MessageStatus:
        """What became of a job: its state, why, and how far Mailjet got with it.

        A worker answers, within milliseconds where one is free. Raises NoAnswer where none did within
        `patience` seconds: the job itself is not concerned.
        """
        if not isinstance(message_id, str) or not message_id:
            raise BadInput("message_id: must be the text that `send` gave.")
        if not isinstance(patience, int | float) or not 0 < patience <= _LONGEST_PATIENCE:
            raise BadInput(f"patience: must be seconds, above 0 and at most {_LONGEST_PATIENCE}.")
        return ask_status(self._redis, self._celery, message_id, patience=patience)

    def sync_contact(self, contact: Mapping[str, Any]) -> None:
        """Have Mailjet know a contact as it is now; call it whenever one is added or changed.

        `contact` has `email`, and what is known of `contact_id`, `customer_id`, `name`, `contact_type`,
        `language` and `custom_fields`; `version` or `updated_at` say how new it is.
        """
        now = utc_now()
        check_contact(contact, asked_at=now)
        self._change({"do": envelope.SYNC_CONTACT, "contact": dict(contact)}, now)

    def sync_customer(self, customer: Mapping[str, Any]) -> None:
        """Have Mailjet know a customer's name, location and custom fields on all of its contacts.

        `customer` has `customer_id`; alone, the rest is read from the CRM. Those of its `contacts` that are
        given are synchronised too, the others stay as they are.
        """
        now = utc_now()
        check_customer(customer, asked_at=now)
        self._change({"do": envelope.SYNC_CUSTOMER, "customer": dict(customer)}, now)

    def delete_contact(self, email: str) -> None:
        """Erase an address for good (GDPR): at Mailjet, and among the ledger's contacts."""
        self._change({"do": envelope.DELETE_CONTACT, "email": check_email(email)}, utc_now())

    def close(self) -> None:
        """Give the connections back."""
        self._redis.close()
        self._celery.close()

    def _send(self, job: Mapping[str, Any]) -> str:
        jobs, entry = self._seal(job, utc_now())
        self._enqueue([(MAIL[jobs[0].lane], entry)])
        return jobs[0].id

    def _change(self, job: Mapping[str, Any], now: datetime) -> None:
        self._enqueue([(CONTACTS, envelope.seal(job, now))])

    def _seal(self, job: Mapping[str, Any], now: datetime) -> tuple[list[Job], envelope.Entry]:
        """Check a job and write it as it travels: as it was asked, for the worker checks it again.

        What has no key gets a random one here, so that the same entry read twice is the same message.
        """
        job = self._with_a_key(job)
        jobs = check_job(job, self._kinds, now=now, language=self._language)
        entry = envelope.seal(envelope.plain(job), now)
        return jobs, envelope.with_trace(entry, enqueue_carrier(jobs[0].kind))

    def _with_a_key(self, job: Mapping[str, Any]) -> Mapping[str, Any]:
        if not isinstance(job, Mapping) or job.get("idempotency_key") is not None:
            return job
        name = job.get("kind")
        kind = self._kinds.get(name) if isinstance(name, str) else None
        return job if kind is None or kind.business_key else {**job, "idempotency_key": str(uuid.uuid4())}

    def _enqueue(self, entries: Sequence[tuple[Channel, envelope.Entry]]) -> None:
        asleep, too_few_replicas = add_jobs(self._redis, entries, replicas=self._replicas)
        # Also where replicas are too few: the flag stands, so nobody else would wake them.
        for channel in asleep:
            send_wake_up(self._celery, channel)
        if too_few_replicas:
            raise MaybeEnqueued("Too few replicas of Redis have the job; send it again with the same key.")


def _given(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """What a caller gave of a method's arguments."""
    return {name: value for name, value in arguments.items() if name != "self" and value is not None}
