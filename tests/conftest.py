"""What all tests share."""

import gc
import os
from collections.abc import Generator, Iterator
from datetime import UTC

import pytest
from hypothesis import Phase, settings

# How long an example takes says how busy the machine is. Other examples each time: many runs see many.
settings.register_profile("untimed", deadline=None, max_examples=60)
# The same examples every time: whether a mutant is noticed must not depend on luck.
settings.register_profile(
    "mutants", deadline=None, derandomize=True, database=None, phases=[Phase.explicit, Phase.generate]
)
settings.load_profile("untimed")

pytest_plugins = [
    "tests.measuring.plugin",  # before all that imports the product
    "tests.distribution",
    "tests.ran_before",
    "tests.integration.postgres",
    "tests.integration.mariadb",
    "mailworker.simulator.pytest_plugin",
]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Two more than there are cores: half of the time is spent waiting for real processes."""
    return (os.cpu_count() or 1) + 2


def pytest_addoption(parser: pytest.Parser) -> None:
    """A way to find who leaves sockets and files open."""
    parser.addoption(
        "--charge-leaks",
        action="store_true",
        help="collect garbage only at the end of each file, and fail its last test for what was never closed",
    )


def pytest_configure(config: pytest.Config) -> None:
    """No collection but the one at each file's end."""
    if config.getoption("--charge-leaks"):
        gc.disable()
        config.addinivalue_line("filterwarnings", "error::pytest.PytestUnraisableExceptionWarning")


@pytest.hookimpl(wrapper=True)
def pytest_collection(session: pytest.Session) -> Generator[None, object, object]:
    """Look for no garbage among what is collected: modules and tests stay to the end."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.set_threshold(10_000)  # most of what a test makes is gone with its last name
        if enabled:
            gc.enable()


@pytest.fixture(scope="module", autouse=True)
def charge_leaks(request: pytest.FixtureRequest) -> Iterator[None]:
    """With --charge-leaks: what a file left open is its last test's error."""
    yield
    if request.config.getoption("--charge-leaks"):
        gc.collect()


@pytest.fixture(scope="module", autouse=True)
def clock_of_commands() -> Iterator[None]:
    """A file that sets the clock on which commands show moments sets it back: the next file's tests read it."""
    yield
    from mailworker.cli.console import SHOWN_IN  # noqa: PLC0415 - no plugin loads the product before its coverage

    assert SHOWN_IN.get() is UTC, "a test left SHOWN_IN set"
