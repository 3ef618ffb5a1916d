"""What CGRateS needs for balance alerts: it answers, posts here, and is armed again after each top-up."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from mailworker.cli.doctor_checks.finding import Note

if TYPE_CHECKING:
    from mailworker.container import Container


def engine_faults(container: "Container") -> Iterator[str]:
    """What is wrong with CGRateS. Raises what calling it raises."""
    version = container.charging.client.version() or "of unknown version"
    if container.settings.balances.cgrates.post_url:
        yield Note(f"CGRateS is {version}.")
        yield from container.charging.setup.faults()
    else:
        yield Note(
            "balances.cgrates.post_url is empty: low balances are found by the scan alone, not at the moment."
        )
