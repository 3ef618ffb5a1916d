"""A local Mailjet: the same API, limits, errors and answers, faults on request, and an inbox to look into."""

from typing import TYPE_CHECKING

from mailworker.core.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from mailworker.simulator.app import create_app
    from mailworker.simulator.control_client import ControlClient
    from mailworker.simulator.fault_rules import Fault, Match
    from mailworker.simulator.running_simulator import RunningSimulator
    from mailworker.simulator.server import running, serve
    from mailworker.simulator.settings import SimulatorSettings, TemplateUse

__all__ = [
    "ControlClient",
    "Fault",
    "Match",
    "RunningSimulator",
    "SimulatorSettings",
    "TemplateUse",
    "create_app",
    "running",
    "serve",
]

__getattr__ = lazy_exports(
    __name__,
    {
        "ControlClient": "control_client",
        "Fault": "fault_rules",
        "Match": "fault_rules",
        "RunningSimulator": "running_simulator",
        "SimulatorSettings": "settings",
        "TemplateUse": "settings",
        "create_app": "app",
        "running": "server",
        "serve": "server",
    },
)
