"""Whether the CRM answers what is asked of it."""

from typing import TYPE_CHECKING

from mailworker.cli.doctor_checks.cures import CRM, cured
from mailworker.errors import Unreachable

if TYPE_CHECKING:
    from mailworker.container import Container

#: The errors of the sources of the CRM's data where nobody answers, or not as it should.
_AWAY = ("cannot be reached", "did not answer in time", "OmniCRM answered 5")


def crm_faults(container: "Container") -> list[str]:
    """What the CRM lacks; that it is away comes once, not for each question. Raises what opening raises."""
    try:
        found = container.crm.check()
    except Unreachable as fault:
        found = [str(fault)]
    return list(
        dict.fromkeys(cured(one, CRM) if any(sign in one for sign in _AWAY) else one for one in found)
    )
