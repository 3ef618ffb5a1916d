"""Every failure, sorted by what we do about it.

MailworkerError
├── PermanentError            this will never work: report why, never try again
│   ├── BadInput              a job, file or option is wrong; one sentence per fault
│   │   └── ConfigError       the faults are in crm_config.yaml
│   ├── IdempotencyConflict   the same key came with other content
│   ├── Refused               Mailjet refuses this very message
│   ├── TooLarge              over a size limit that nothing can be done about
│   ├── RenderFailed          the PDF cannot be made from this invoice
│   └── UnexpectedError       a mistake of ours, named by its line; its words might quote a customer's data
├── TransientError            the same thing may work later
│   ├── Throttled             too fast; wait `retry_after` seconds
│   ├── FileMissing           a file is not in this host's store; another host, or a new one, may have it
│   ├── RefusedWithoutReason  Mailjet did not take it and gives no reason; tried again, with an end
│   ├── Unreachable           nothing left this machine, or Mailjet's proxy took none of it
│   └── Misconfigured         no message of this kind can leave until a person acts
└── UnknownOutcome            it may have happened: look before doing it again

A class's docstring is its message unless the raiser has a better one.
"""

from collections.abc import Sequence

#: So many sentences are enough for people, whatever a caller gave.
MOST_FAULTS = 100


class MailworkerError(Exception):
    """Something went wrong in mailworker.

    `code` is Mailjet's error code (`mj-0013`, `send-0003`) or the HTTP status; empty where there is neither.
    `subject` is what `mailworker doctor` has to be asked about for the cure; empty where the sentence has it.
    """

    subject = ""

    def __init__(self, message: str | None = None, *, code: str = "") -> None:
        super().__init__(message or (self.__doc__ or "").strip().split("\n", 1)[0])
        self.code = code


class PermanentError(MailworkerError):
    """This cannot work, now or later."""


class TransientError(MailworkerError):
    """This did not work now, and may work later."""


class UnknownOutcome(MailworkerError):
    """The outcome was never seen: it may have happened.

    `retry_after` is for how many seconds the other side asked to be left alone, 0.0 where it did not.
    """

    def __init__(self, message: str | None = None, *, retry_after: float = 0.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class UnexpectedError(PermanentError):
    """Something went wrong that nobody foresaw."""


class BadInput(PermanentError):
    """The input is wrong.

    `faults` holds one sentence for each thing wrong: what, where, and how to mend it. The sentences
    name fields, never the personal values in them, so that they may be logged.
    """

    def __init__(self, faults: Sequence[str] | str) -> None:
        shown = (faults,) if isinstance(faults, str) else tuple(faults)
        if len(shown) > MOST_FAULTS:
            shown = (*shown[:MOST_FAULTS], f"... and {len(shown) - MOST_FAULTS} faults more.")
        self.faults: tuple[str, ...] = shown
        super().__init__("\n".join(self.faults))

    def __reduce__(self) -> tuple[type["BadInput"], tuple[tuple[str, ...]]]:
        """Survive the pickling between a pool's processes with all faults."""
        return type(self), (self.faults,)


class ConfigError(BadInput):
    """The configuration is wrong."""


class IdempotencyConflict(PermanentError):
    """This idempotency key was already used for other content."""


class Refused(PermanentError):
    """Mailjet refuses this message."""


class TooLarge(PermanentError):
    """The content is over a size limit."""


class RenderFailed(PermanentError):
    """The PDF could not be made."""


class Throttled(TransientError):
    """Too many calls; wait before the next one.

    `retry_after` is in seconds.
    """

    def __init__(self, message: str | None = None, *, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Unreachable(TransientError):
    """The other side could not be reached; nothing was sent."""

    retry_after = 0.0


class RefusedWithoutReason(TransientError):
    """Mailjet refuses this message, and gives no reason."""


class FileMissing(TransientError):
    """A file is not in this host's store."""


class Misconfigured(TransientError):
    """Nothing of this kind can leave until a person acts."""
