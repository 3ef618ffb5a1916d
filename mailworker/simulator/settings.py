"""What can be set on the local Mailjet, and the one thing that cannot: it listens on loopback only."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from mailworker.core.mailjet_limits import CALL_BYTES
from mailworker.core.masked_secret import Secret
from mailworker.errors import BadInput
from mailworker.simulator.address_syntax import is_address
from mailworker.simulator.assumptions import Assumption

if TYPE_CHECKING:
    from mailworker.templates.template_library import TemplateLibrary

#: The template ids of OmniCRM's manual page, and the kinds that they stand for.
MANUAL_TEMPLATE_IDS: Mapping[int, str] = MappingProxyType(
    {
        5977509: "api_crmCommunicationCustomerWelcome",
        6759851: "api_crmCommunicationCustomerInvoice",
        6759852: "api_crmCommunicationCustomerInvoiceReminder",
        5977510: "api_crmCommunicationUserWelcome",
        5977511: "api_crmCommunicationUserPasswordReset",
        5977512: "api_crmCommunicationUserPasswordResetSuccess",
        5977513: "api_crmCommunicationUserPasswordChange",
        5977514: "api_crmCommunicationEmailVerification",
        5977515: "api_crmCommunicationsBalanceExpired",
        5977516: "api_crmCommunicationsBalanceLow",
    }
)


def _sample_library() -> "TemplateLibrary":
    from mailworker.templates.template_library import sample_library  # noqa: PLC0415 - the start does without templates

    return sample_library()


@dataclass(frozen=True, slots=True)
class TemplateUse:
    """Which of our e-mail templates a Mailjet template id stands for; `library` gives it when it is shown."""

    kind: str
    language: str = "fr"
    library: "Callable[[], TemplateLibrary]" = field(default=_sample_library, compare=False, repr=False)

    @property
    def exists(self) -> bool:
        """Whether there is such a template now; the samples always are, and are not loaded for it."""
        return self.library is _sample_library or (self.kind, self.language) in self.library().names()


def manual_templates() -> dict[int, TemplateUse]:
    """The ten ids of the manual page, in French."""
    return {number: TemplateUse(kind) for number, kind in MANUAL_TEMPLATE_IDS.items()}


@dataclass(frozen=True, slots=True)
class SimulatorSettings:
    """Everything that can be set. Times are in seconds, sizes in bytes; a limit of 0 is no limit.

    `senders` are addresses, and `*@domain` for all of a domain; empty means that any sender is active. With
    `strict_templates` only the ids of `templates` and the templates made over the API exist; without it every
    positive id does. `event_time_scale` stretches or shrinks all times of event delivery: a second of
    gathering, 30 s between tries, a day until a URL is dead. `assume` names the respects in which it is
    kinder than it must be. Into `record` every call and its answer is written, a JSON document a line.
    """

    host: str = "127.0.0.1"
    port: int = 8025
    api_key: str = "simulator-key"
    api_secret: Secret = field(default_factory=lambda: Secret("simulator-secret"))
    calls_per_minute: int = 200
    max_body_bytes: int = CALL_BYTES
    index_delay: float = 2.0
    latency: float = 0.0
    job_seconds: float = 2.0
    senders: tuple[str, ...] = ()
    templates: Mapping[int, TemplateUse] = field(default_factory=manual_templates)
    strict_templates: bool = False
    keep_attachment_bytes: int = 256_000_000
    event_time_scale: float = 1.0
    assume: frozenset[Assumption] = frozenset()
    record: Path | None = None

    def __post_init__(self) -> None:
        faults = [*_host_faults(self.host), *_number_faults(self), *_sender_faults(self.senders)]
        if faults:
            raise BadInput(faults)


def is_loopback(host: str) -> bool:
    """Whether this host name or address can only be this machine."""
    if host.lower() == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _host_faults(host: str) -> list[str]:
    if is_loopback(host):
        return []
    reason = "it shows every mail to anyone, so it takes 127.0.0.1, ::1 or localhost only"
    return [f"host: the local Mailjet does not listen on {host!r}; {reason}."]


def _number_faults(settings: SimulatorSettings) -> list[str]:
    names = (
        "calls_per_minute",
        "max_body_bytes",
        "index_delay",
        "latency",
        "job_seconds",
        "keep_attachment_bytes",
        "event_time_scale",
    )
    faults = [f"{name} must be 0 or more." for name in names if getattr(settings, name) < 0]
    if not 0 <= settings.port <= 65535:
        faults.append("port must be between 0 (any free port) and 65535.")
    return faults


def _sender_faults(senders: Sequence[str]) -> list[str]:
    return [
        f"senders: the {position}. of them is neither an address, as billing@example.com, nor *@example.com "
        "for all of a domain."
        for position, one in enumerate(senders, 1)
        if not is_address(one)
    ]
