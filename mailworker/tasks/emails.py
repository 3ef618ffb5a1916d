"""How jobs come in: from the stream that MailClient writes to, or as plain tasks of who has only Celery."""

import inspect
import time
from collections.abc import Mapping
from typing import Any

from mailworker.config.builtin_kinds import INVOICE, INVOICE_REMINDER
from mailworker.container import Container
from mailworker.core.clock import utc_now
from mailworker.core.lane import Lane
from mailworker.errors import BadInput, IdempotencyConflict, TransientError
from mailworker.intake import JobsDrained
from mailworker.intake.message_status import status_of
from mailworker.intake.rejections import rejection_of
from mailworker.observability.metric_definitions import ACCEPTED, ENQUEUE_TO_ACCEPT
from mailworker.observability.redis_counters import CounterTally
from mailworker.queue import envelope, status_reply
from mailworker.queue.celery_queues import DISPATCH, MAIL, RENDER
from mailworker.rules.job.idempotency_key import by_hand_key, call_message_id
from mailworker.tasks.app import app
from mailworker.tasks.base import (
    SHOWN_IDS,
    DiscreetTask,
    HousekeepingTask,
    ShownTask,
    current_container,
    log,
)
from mailworker.tasks.message_traces import trace_accepted
from mailworker.tasks.time_slices import run_slice, wake

#: The most messages that one `send_emails` may bring.
MAX_AT_ONCE = 500
#: How long one `send_emails` goes on once something does not work: well below a task's time limit. Seconds.
CALL_SECONDS = 40.0


@app.task(name="mailworker.drain", base=ShownTask)
def drain(lane: str) -> dict[str, Any]:
    """Move a lane's jobs from the stream into the ledger, then have them sent; give what became of them."""
    which, container, done = Lane.from_word(lane), current_container(), list[JobsDrained]()
    stream = container.stream(which)

    def report(drained: JobsDrained) -> None:
        _look_after(container, which, drained)
        done.append(drained)

    run_slice(container, MAIL[which], lambda: stream.drain_some(container.clock()), report)
    whole = sum(done, JobsDrained())
    counts = {"new": whole.new, "repeated": whole.repeated, "rejected": whole.rejected}
    return counts | {"messages": list(whole.ids[:SHOWN_IDS])}


def _look_after(container: Container, lane: Lane, drained: JobsDrained) -> None:
    log.info(
        "accepted",
        lane=lane.word,
        new=drained.new,
        repeated=drained.repeated,
        rejected=drained.rejected,
    )
    _measure(lane, drained).write(container.redis)
    trace_accepted(container, drained)
    for alarm in drained.alarms:
        log.error(alarm)
    if drained.to_prepare:
        wake(container, RENDER)
    wake(container, DISPATCH[lane])


def _measure(lane: Lane, drained: JobsDrained) -> CounterTally:
    tally = CounterTally()
    for result in ("new", "repeated", "rejected"):
        tally.count(ACCEPTED, getattr(drained, result), lane=lane.word, result=result)
    for seconds in drained.waits:
        tally.observe(ENQUEUE_TO_ACCEPT, seconds, lane=lane.word)
    return tally


class IntakeTask(DiscreetTask):
    """A task that answers its caller, and whose caller may be wrong."""

    ignore_result = False
    throws = (BadInput, IdempotencyConflict)
    # The ledger may be away for a while. A retry is a new Celery message, so this way in is weaker than the
    # stream: when Redis goes away at the same moment, the job is lost. MailClient has no such gap.
    autoretry_for = (TransientError,)
    retry_backoff = 2
    retry_backoff_max = 30
    max_retries = 100

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run; what is refused is kept among the rejected jobs, for its caller may not wait for an answer."""
        try:
            return super().__call__(*args, **kwargs)
        except (BadInput, IdempotencyConflict) as fault:
            asked = dict(zip(inspect.signature(self.run).parameters, args, strict=False)) | kwargs
            _keep_rejection(fault, asked, f"celery:{self.request.id}")
            raise


@app.task(name="mailworker.send_email", base=IntakeTask, bind=True)
def send_email(  # noqa: PLR0913, PLR0917 - the public contract
    self: IntakeTask,
    kind: str,
    to: Any,
    variables: dict[str, Any] | None = None,
    idempotency_key: str | None = None,
    language: str | None = None,
    customer_id: str | None = None,
    send_at: str | None = None,
    expires_at: str | None = None,
    attachments: list[dict[str, Any]] | None = None,
    cc: Any = None,
    bcc: Any = None,
) -> str | list[str]:
    """Accept one e-mail, and give its message id: a list of ids where `to` is a list."""
    asked = {name: value for name, value in locals().items() if value is not None and name != "self"}
    ids = _accept(asked, own_id=call_message_id(self.request.id))
    return ids if isinstance(to, list) else ids[0]


@app.task(name="mailworker.send_emails", base=IntakeTask, bind=True)
def send_emails(self: IntakeTask, messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Accept up to 500 e-mails; for each, in order, its `ids` or its `faults`.

    What cannot be accepted now stops nobody else: the call is tried again, and whoever was accepted before
    keeps the same id. A message that could not be accepted in all that time has it in its `faults`.
    """
    if not isinstance(messages, list):
        raise BadInput("messages: write a list of messages.")
    if len(messages) > MAX_AT_ONCE:
        raise BadInput(f"messages: {len(messages)} are more than {MAX_AT_ONCE}; send them in parts.")
    answers: list[dict[str, Any]] = []
    again: TransientError | None = None
    deadline = time.monotonic() + CALL_SECONDS
    for position, message in enumerate(messages):
        if again is not None and time.monotonic() > deadline:
            break  # the ledger itself is away: each one more would wait for it in vain
        try:
            answers.append(_answer(message, self.request.id, position))
        except TransientError as fault:
            again = fault
            answers.append({"faults": [f"Not accepted, send it again: {fault}"]})
    if again is not None and self.request.retries < (self.max_retries or 0):
        raise again
    missing = len(messages) - len(answers)
    return answers + [{"faults": [f"Not accepted, send it again: {again}"]} for _ in range(missing)]


@app.task(name="mailworker.send_invoice", base=IntakeTask)
def send_invoice(  # noqa: PLR0917 - Celery callers name them
    invoice_id: str | None = None,
    invoice: dict[str, Any] | None = None,
    to: Any = None,
    idempotency_key: str | None = None,
    language: str | None = None,
    replaces: str | None = None,
) -> str:
    """Accept an invoice to be rendered and sent, and give its message id."""
    if (invoice_id is None) == (invoice is None):
        raise BadInput("invoice, invoice_id: give exactly one of them.")
    asked = {name: value for name, value in locals().items() if value is not None}
    return _accept({"kind": INVOICE, "variables": {}} | asked)[0]


@app.task(name="mailworker.send_invoice_reminder", base=IntakeTask)
def send_invoice_reminder(invoice_id: str, idempotency_key: str | None = None) -> str:
    """Accept a reminder by hand; without a key of its own it goes once a day of worker.timezone."""
    zone = current_container().settings.worker.timezone
    key = idempotency_key or by_hand_key(INVOICE_REMINDER, invoice_id, utc_now(), zone)
    return _accept({"kind": INVOICE_REMINDER, "invoice_id": invoice_id, "idempotency_key": key})[0]


@app.task(name=status_reply.TASK, base=HousekeepingTask)
def reply_status(id_: str, reply_to: str) -> None:
    """Answer a client's question about one message; nobody asks again where Redis or the ledger is away."""
    if not status_reply.is_reply_list(reply_to):
        raise BadInput("reply_to: is no list of a client's question.")
    container = current_container()
    status = status_of(container.ledger, container.redis, container.settings.kinds, id_)
    with container.redis.pipeline(transaction=True) as pipe:
        pipe.rpush(reply_to, status_reply.write_status(status))
        pipe.expire(reply_to, status_reply.KEEP_SECONDS)
        pipe.execute()


def _answer(message: dict[str, Any], task_id: str | None, position: int) -> dict[str, Any]:
    try:
        return {"ids": _accept(message, own_id=call_message_id(task_id, position))}
    except (BadInput, IdempotencyConflict) as fault:
        _keep_rejection(fault, message, f"celery:{task_id}:{position}")
        return {"faults": list(fault.faults) if isinstance(fault, BadInput) else [str(fault)]}


def _keep_rejection(fault: BadInput | IdempotencyConflict, job: Any, entry_id: str) -> None:
    """Once for each call, however often it is run; where the ledger is away, the caller gets the error."""
    container = current_container()
    rejection = rejection_of(fault, job, source="celery", entry_id=entry_id)
    try:
        container.intake.write([], now=container.clock(), rejections=[rejection])
    except TransientError as gone:
        log.warning("a refused job could not be kept", why=str(gone))
    kind = container.settings.kinds.get(str(job.get("kind"))) if isinstance(job, Mapping) else None
    tally = CounterTally()
    tally.count(ACCEPTED, lane=(kind.lane if kind else Lane.NORMAL).word, result="rejected")
    tally.write(container.redis)


def _accept(asked: dict[str, Any], *, own_id: str | None = None) -> list[str]:
    container = current_container()
    accepted = container.intake.accept(asked, now=container.clock(), own_id=own_id)
    tally = CounterTally()
    tally.count(ACCEPTED, len(accepted.ids), lane=accepted.lane.word, result="by_task")
    tally.write(container.redis)
    _keep_copy(container, accepted.lane, asked, own_id)
    if accepted.to_prepare:
        wake(container, RENDER)
    wake(container, DISPATCH[accepted.lane])
    return accepted.ids


def _keep_copy(container: Container, lane: Lane, asked: dict[str, Any], own_id: str | None) -> None:
    """Keep the job for a ledger that will have lost it; the ledger has it now, so nothing waits for that."""
    job = envelope.plain(asked) | ({"id": own_id} if own_id else {})
    try:
        container.kept_jobs(lane).add([envelope.seal(job, container.clock())])
    except TransientError as fault:
        log.warning("no copy of a job was kept", why=str(fault))
