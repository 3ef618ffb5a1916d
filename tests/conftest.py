"""What all tests share."""

import os

import pytest
from hypothesis import Phase, settings

# How long an example takes says how busy the machine is.
settings.register_profile("untimed", deadline=None)
# The same examples every time: whether a mutant is noticed must not depend on luck.
settings.register_profile(
    "mutants", deadline=None, derandomize=True, database=None, phases=[Phase.explicit, Phase.generate]
)
settings.load_profile("untimed")

pytest_plugins = [
    "tests.integration.postgres",
    "tests.integration.mariadb",
    "mailworker.simulator.pytest_plugin",
]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """One more than there are cores: half of the time is spent waiting for real processes."""
    return (os.cpu_count() or 1) + 1
