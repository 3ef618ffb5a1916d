"""What tasks write into traces. Without Redis there is a gap in a trace, and no mail waits for it."""

from contextlib import suppress

from mailworker.container import Container
from mailworker.dispatch import Dispatched
from mailworker.errors import TransientError
from mailworker.intake.job_stream import JobsDrained
from mailworker.queue.trace_carriers import recall_traces, remember_traces


def trace_accepted(container: Container, drained: JobsDrained) -> None:
    """A span for each new message whose caller traces."""
    traces = container.traces
    if traces is None or not drained.carriers:
        return
    waits, now = dict(zip(drained.ids, drained.waits, strict=True)), container.clock()
    with suppress(TransientError):
        remember_traces(
            container.redis,
            {
                id_: traces.accepted(carrier, id_, at=now, waited=waits.get(id_, 0.0))
                for id_, carrier in drained.carriers
            },
        )


def trace_called(container: Container, done: Dispatched) -> None:
    """A span for each message of a call that belongs to a trace."""
    traces = container.traces
    if traces is None or done.call is None:
        return
    mails = {mail.id: mail for mail in done.call.mails}
    with suppress(TransientError):
        now = container.clock()
        for id_, carrier in recall_traces(container.redis, [*mails]).items():
            mail = mails[id_]
            facts = {
                "messaging.message.id": id_, "mailworker.kind": mail.kind, "mailworker.lane": mail.lane.word,
                "mailworker.outcome": mail.state.value, "mailworker.code": mail.code,
            }  # fmt: skip
            traces.called(carrier, facts, at=now, seconds=done.call.seconds)
