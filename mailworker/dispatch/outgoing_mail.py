"""A row of the ledger as the mail that leaves."""

import base64
import hashlib
import re
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Protocol

from mailworker.config.builtin_kinds import INVOICE
from mailworker.config.settings import Settings
from mailworker.core.lane import Lane
from mailworker.core.language_tag import base_language
from mailworker.core.message import Address, Attachment, Mail
from mailworker.dispatch.leave_out_copies import copies
from mailworker.errors import FileMissing, PermanentError, TransientError
from mailworker.rules.job.addresses import distinct
from mailworker.rules.pre_send.verdicts import Wait
from mailworker.wording import MailFacts, finished, mail_state, state_subject

#: How long a mail waits that lacks a variable: a person has to mend the configuration first.
INCOMPLETE = timedelta(minutes=10)
#: Fifty that fail within a second each leave a task half its time.
_SLOW_SECONDS = 1.0


class FileReader(Protocol):
    """Where attachments are kept."""

    def get(self, key: str) -> bytes | None:
        """The content kept under `key`, or None; TransientError where it cannot be read now."""


class FilesUntilAway:
    """A store that is asked no more once it was slow to fail.

    Each question of a call's fifty may last until a time-out, and the task's time is over before all are. A
    fault that comes at once may be one file's, and puts off no other mail.
    """

    def __init__(self, files: FileReader, clock: Callable[[], float] = time.monotonic) -> None:
        self._files = files
        self._clock = clock
        self._fault: TransientError | None = None

    def get(self, key: str) -> bytes | None:
        """As the store's own."""
        if self._fault is not None:
            raise self._fault
        asked_at = self._clock()
        try:
            return self._files.get(key)
        except TransientError as fault:
            if self._clock() - asked_at > _SLOW_SECONDS:
                self._fault = fault
            raise


def mail_of(row: Mapping[str, Any], settings: Settings, files: FileReader, *, unsubscribe: str = "") -> Mail:
    """Write the mail out: sender and template from the configuration, the rest from the row.

    Raises Misconfigured where the kind has no block in the configuration, and what `files` raises where an
    attachment cannot be read: a mail never leaves without what it lists as attached.
    """
    block = settings.mailjet.block(row["kind"])
    own, template_id, subject, variables = wording_of(row, settings)
    to = Address(row["to_email"], row["to_name"] or "")
    # The recipient of an invoice may have come from the CRM after its copies were written down.
    cc = distinct(copies(row["cc"]), besides=[to])
    return Mail(
        id=row["id"],
        kind=row["kind"],
        from_=Address(block.from_email, block.sender_name(own)),
        reply_to=block.reply_to or "",
        unsubscribe=unsubscribe,
        quiet=settings.kinds[row["kind"]].lane is Lane.URGENT,
        to=to,
        template_id=template_id,
        subject=subject,
        variables=variables,
        cc=cc,
        bcc=distinct(copies(row["bcc"]), besides=[to, *cc]),
        attachments=tuple(attachment_of(file, files) for file in row["attachments"] or ()),
    )


def wording_of(row: Mapping[str, Any], settings: Settings) -> tuple[str, int, str, dict[str, Any]]:
    """The language of the template, its id, the subject, and the variables as the template gets them.

    The language is empty for the operator's own. Raises Misconfigured as `mail_of` does.
    """
    block = settings.mailjet.block(row["kind"])
    own = block.language_for(row["language"], settings.worker.fallback_languages)
    variables = _variables(row, settings, own)
    return own, *_look(row, settings, own, variables), variables


def question_mail(settings: Settings, id_: str) -> Mail:
    """A mail of ours to ourselves, for Mailjet to check and not to send: it names nobody."""
    name, block = next(iter(settings.mailjet.blocks.items()))
    ours = Address(block.from_email)
    return Mail(id_, name, ours, ours, block.template_id, block.subject, variables={})


def _look(
    row: Mapping[str, Any], settings: Settings, own: str, variables: Mapping[str, Any]
) -> tuple[int, str]:
    """Template and subject: those of the reminder's step, else those of the state, else the kind's own."""
    block = settings.mailjet.block(row["kind"])
    template_id, subject = block.template(own)
    if state := mail_state(row["kind"], variables):
        ours = state_subject(row["kind"], state, own or settings.worker.language)
        subject = block.state_subject(own, state) or ours
    step = settings.reminders.step(row["step"]) if row.get("step") is not None else None
    if step is not None:
        changed = step.languages.get(own) if own else step
        template_id = (changed.template_id if changed else None) or template_id
        subject = (changed.subject if changed else "") or subject
    return template_id, _subject(subject, row["kind"])


def _variables(row: Mapping[str, Any], settings: Settings, own: str) -> dict[str, Any]:
    """The variables as the template gets them, in the language of the template."""
    kind, block = settings.kinds[row["kind"]], settings.mailjet.block(row["kind"])
    filled = {one.name: one.default for one in kind.variables if not one.required}
    facts = MailFacts(
        language=base_language(own) or settings.worker.language,
        to_email=row["to_email"],
        asked_at=row["accepted_at"],
        zone=settings.worker.timezone,
        has_files=bool(row["attachments"]),
        prepared=row["invoice"] is not None or row["invoice_id"] is not None,
        currency=settings.invoice.currency,
        reply_to=block.reply_to or ("" if is_no_reply(block.from_email) else block.from_email),
    )
    return finished(kind, filled | (row["variables"] or {}), facts)


def is_no_reply(email: str) -> bool:
    """Whether nobody reads what is sent to this address."""
    local = re.sub(r"[-_.]", "", email.partition("@")[0].lower())
    return local.startswith(("noreply", "donotreply", "nepasrepondre", "sansreponse"))


def incomplete(row: Mapping[str, Any], settings: Settings, now: datetime) -> Wait | None:
    """Whether this mail lacks a variable that the configuration has come to require since it was accepted."""
    block, kind = settings.mailjet.blocks.get(row["kind"]), settings.kinds.get(row["kind"])
    if block is None or kind is None or block.variables is None:
        return None
    missing = sorted(kind.required - (row["variables"] or {}).keys())
    if not missing:
        return None
    why = f"it has no {', '.join(missing)}, which its kind requires now: make it optional, or cancel it"
    return Wait(now + INCOMPLETE, why)


def _subject(subject: str, kind: str) -> str:
    """`Votre Facture - ` ends where the invoice's number belongs: a variable, never evaluated."""
    if kind == INVOICE and subject.rstrip().endswith("-"):
        return subject.rstrip() + ' {{var:invoice_number:""}}'
    return subject


def attachment_of(kept: Mapping[str, Any], files: FileReader) -> Attachment:
    """The very bytes that the row names: another file's content leaves with no mail.

    Raises FileMissing, and PermanentError where the store has another file's bytes.
    """
    content = files.get(kept["key"])
    if content is None:
        raise FileMissing(f"Its attachment {kept['key']} is not in this host's store.")
    # Rows from before files had a digest name their size alone.
    digest = kept.get("sha256")
    if len(content) != kept["size"] or (digest and hashlib.sha256(content).hexdigest() != digest):
        raise PermanentError(f"Its attachment {kept['key']} is not the file that was accepted with it.")
    return Attachment(kept["filename"], kept["content_type"], base64.b64encode(content).decode("ascii"))
