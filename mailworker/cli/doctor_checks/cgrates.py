"""What CGRateS needs for balance alerts: it answers, posts here, and is armed again after each top-up."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from mailworker.cli.doctor_checks.finding import Note
from mailworker.errors import Unreachable

if TYPE_CHECKING:
    from mailworker.container import Container


def engine_faults(container: "Container") -> Iterator[str]:
    """What is wrong with CGRateS. Raises what calling it raises, but for that it is away."""
    try:
        version = container.charging.client.version() or "of unknown version"
    except Unreachable as fault:
        yield f"{str(fault).rstrip('.')}: start it, or correct balances.cgrates.url; other mail goes on."
        return
    if container.settings.balances.cgrates.post_url:
        yield Note(f"CGRateS is {version}.")
        yield from container.charging.setup.faults()
    else:
        yield Note(
            "balances.cgrates.post_url is empty: low balances are found by the scan alone, not at the moment."
        )
