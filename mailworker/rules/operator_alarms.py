"""The alarms that operators read: Mailjet is out of order, a kind is held, mail failed, files are missing."""

from collections.abc import Mapping, Sequence

from mailworker.core.plural import counted
from mailworker.core.settlement import Settlement
from mailworker.core.states import State
from mailworker.errors import FileMissing, Misconfigured, RefusedWithoutReason
from mailworker.rules.circuit_breaker import Circuit
from mailworker.rules.send_outcome import Answer


def outage_alarm(before: Circuit, after: Circuit) -> str:
    """The operator's alarm where Mailjet went out of order, or answers again; or nothing."""
    if after.is_open and not before.is_open:
        return (
            "MAILJET IS OUT OF ORDER, all mail waits; now and then it is asked whether it is back, "
            f"then mail goes on by itself. {after.reason}"
        )
    if before.is_open and not after.is_open and before.open_since is not None:
        return f"Mailjet answers again after {after.answered_at - before.open_since:.0f} s; mail goes on."
    return ""


def held_kind_alarms(faults: Mapping[str, Misconfigured]) -> list[str]:
    """The operator's alarms about kinds that Mailjet would refuse again and again."""
    return [f"MAIL OF KIND {kind} IS HELD until a person acts: {fault}" for kind, fault in faults.items()]


def missing_file_alarms(answers: Mapping[str, Answer]) -> list[str]:
    """The operator's alarms about files that this host's store lacks."""
    missing = [id_ for id_, answer in answers.items() if isinstance(answer, FileMissing)]
    if not missing:
        return []
    messages = counted(len(missing), "message has", "messages have")
    where = f"{messages} files that are not in this host's store, the first {missing[0]}"
    return [f"{where}: they wait, and invoices are rendered again. Let all hosts share one invoice.store."]


def unexplained_alarms(answers: Mapping[str, Answer]) -> list[str]:
    """The operator's alarms about messages that Mailjet refuses without a reason."""
    mute = {id_: one for id_, one in answers.items() if isinstance(one, RefusedWithoutReason)}
    if not mute:
        return []
    id_, first = next(iter(mute.items()))
    messages = counted(len(mute), "message is", "messages are")
    return [f"{messages} tried again, the first {id_}: {first} Ask Mailjet's support."]


def failure_alarms(settlements: Sequence[Settlement]) -> list[str]:
    """The operator's alarms about messages that failed for good: one line for each reason."""
    groups: dict[str, list[Settlement]] = {}
    for one in settlements:
        if one.state is State.FAILED:
            groups.setdefault(one.code or one.why, []).append(one)
    return [
        f"{counted(len(group), 'message')} failed for good, the first {group[0].id}: {group[0].why}"
        for group in groups.values()
    ]
