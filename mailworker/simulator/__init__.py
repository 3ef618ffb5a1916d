"""A local Mailjet: the same API, limits, errors and answers, faults on request, and an inbox to look into."""

from mailworker.simulator.app import create_app
from mailworker.simulator.faults import Fault, Match
from mailworker.simulator.running_simulator import RunningSimulator
from mailworker.simulator.server import running, serve
from mailworker.simulator.settings import SimulatorSettings, TemplateUse

__all__ = [
    "Fault",
    "Match",
    "RunningSimulator",
    "SimulatorSettings",
    "TemplateUse",
    "create_app",
    "running",
    "serve",
]
