"""Following Mailjet's jobs to their end, and reading back who was not taken.

Nobody sleeps here: when a job is asked about again stands in the ledger.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mailworker.contacts.dependencies import ContactDependencies
from mailworker.contacts.halve_refused_batch import halve_or_refuse
from mailworker.contacts.properties_and_lists import PropertyRegistry
from mailworker.contacts.push_to_mailjet import PushResult
from mailworker.core.canonical_address import canonical_address
from mailworker.core.plural import counted
from mailworker.errors import Refused
from mailworker.ledger import contact_push_queue
from mailworker.mailjet.contact_calls import ImportState, import_errors, import_job
from mailworker.rules.contact_sync_cost_and_pauses import JOB_DEADLINE, poll_pause, retry_pause


class ImportJobPoller:
    """Looks at open calls: jobs that Mailjet works on, and those whose worker died."""

    def __init__(self, deps: ContactDependencies, names: PropertyRegistry) -> None:
        self._deps = deps
        self._names = names

    def follow_once(self) -> PushResult | None:
        """Look at the call that is due; None where none is. Raises what the question to Mailjet raises."""
        now = self._deps.clock()
        with self._deps.ledger.write() as connection:
            call = contact_push_queue.next_poll(connection, now=now, until=now + self._deps.lease)
            if call is not None and call["state"] == "calling":
                count = contact_push_queue.give_back(
                    connection, call["id"], due_at=now, why="the worker that pushed it is gone"
                )
                return PushResult(count)
        return None if call is None else self._look(call)

    def _look(self, call: Mapping[str, Any]) -> PushResult:
        deps = self._deps
        try:
            job = import_job(deps.api, call["job_id"])
        except Refused as error:
            return self._lost(call, f"Mailjet does not know the job any more: {error}")
        if job.state is ImportState.FAILED:
            return self._lost(call, "Mailjet could not finish the job")
        if job.state is ImportState.COMPLETED:
            return self._completed(call, has_errors=job.has_error_file)
        now = deps.clock()
        if now - call["started_at"] > JOB_DEADLINE:
            return self._lost(call, "Mailjet did not finish the job")
        with deps.ledger.write() as connection:
            contact_push_queue.poll_later(connection, call["id"], now + poll_pause(call["polls"] + 1))
        return PushResult()

    def _lost(self, call: Mapping[str, Any], why: str) -> PushResult:
        now = self._deps.clock()
        with self._deps.ledger.write() as connection:
            contact_push_queue.give_back(connection, call["id"], due_at=now + retry_pause(0), why=why)
        return PushResult(
            alarm=f"An import of {counted(call['contacts'], 'contact')} has to be repeated: {why}."
        )

    def _completed(self, call: Mapping[str, Any], *, has_errors: bool) -> PushResult:
        deps = self._deps
        refused: dict[str, str] = {}
        if has_errors:
            self._names.forget()
            refused = refusals(import_errors(deps.api, call["job_id"]))
        now = deps.clock()
        with deps.ledger.write() as connection:
            travelled = set(contact_push_queue.flying_emails(connection, call["id"]))
            refused = {email: why for email, why in refused.items() if email in travelled}
            if has_errors and not refused:
                why = "Mailjet's error file does not say which contact it means"
                halve_or_refuse(connection, call["id"], call["contacts"], why, now=now)
                again = counted(call["contacts"], "contact is", "contacts are")
                return PushResult(alarm=f"{why}; {again} pushed again in smaller calls.")
            pushed = contact_push_queue.finish(connection, call["id"], refused, now=now)
        alarm = (
            f"Mailjet did not take {len(refused)} of {counted(call['contacts'], 'contact')}."
            if refused
            else None
        )
        return PushResult(pushed, alarm)


def refusals(error_file: Any) -> dict[str, str]:
    """By address, why a contact was not taken.

    Mailjet does not document the file's shape: whatever holds an address and something else is read.
    """
    return {
        canonical_address(email): why
        for entry in _entries(error_file)
        for email, why in [_refusal(entry)]
        if email
    }


def _entries(value: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(value, Mapping):
        if any(str(name).lower() == "email" for name in value):
            yield value
            return
        value = list(value.values())
    if isinstance(value, list):
        for one in value:
            yield from _entries(one)


def _refusal(entry: Mapping[str, Any]) -> tuple[str, str]:
    email = next((str(value) for name, value in entry.items() if str(name).lower() == "email"), "")
    rest = [
        value for name, value in entry.items() if str(name).lower() in {"error", "errors", "errormessage"}
    ]
    return email, "; ".join(_words(one) for one in rest).replace(email, "the address") or "without a reason"


def _words(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name}: {_words(one)}" for name, one in value.items())
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(_words(one) for one in value)
    return str(value)
