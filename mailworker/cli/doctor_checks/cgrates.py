"""What CGRateS needs for balance alerts: it answers, posts here, and is armed again after each top-up."""

from typing import TYPE_CHECKING

from mailworker.cli.doctor_checks.finding import Note

if TYPE_CHECKING:
    from mailworker.container import Container

_NO_REAL_TIME = (
    "balances.cgrates.post_url is empty: low balances are found by the scan alone, not at the moment."
)


def engine_faults(container: "Container") -> list[str]:
    """What is wrong with CGRateS. Raises what calling it raises."""
    version = container.charging.engine.version() or "of unknown version"
    if not container.settings.balances.cgrates.post_url:
        return [Note(_NO_REAL_TIME)]
    return [Note(f"CGRateS is {version}."), *container.charging.setup.faults()]
