"""Starts an installation for each fault, and prints what every fault did."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from mailworker.cli.local_stack import Servers
from tests.contract.recording import everything_fits
from tests.faults.scene import CALLS_PER_MINUTE, Balance, Scene, shipped, with_short_times
from tests.integration.postgres import Cluster, find_binaries

_BALANCES: list[Balance] = []

Open = Callable[..., Scene]
Sections = Mapping[str, Mapping[str, Any]]


@pytest.fixture(scope="session", autouse=True)
def record(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Every call that a local Mailjet got in these tests, in a file. All fit Mailjet's description, at the end."""
    with everything_fits(tmp_path_factory.mktemp("record")) as path:
        yield path


@contextmanager
def _opener(folder: Path, settings: Callable[..., dict[str, dict[str, Any]]]) -> Iterator[Open]:
    """Opens installations that are closed at the end."""
    with ExitStack() as stack:

        def open_(
            calls_per_minute: int = CALLS_PER_MINUTE,
            *,
            database_url: str | None = None,
            redis_url: str | None = None,
            sections: Sections | None = None,
            simulator_port: int = 0,
            api_url: str | None = None,
            **worker: Any,
        ) -> Scene:
            changed = settings(calls_per_minute, api_url, **worker)
            for name, section in (sections or {}).items():
                changed.setdefault(name, {}).update(section)
            servers = Servers(
                folder,
                changes=changed,
                simulator=["--index-delay", "1"],
                simulator_port=simulator_port,
                database_url=database_url,
                redis_url=redis_url,
            )
            stack.enter_context(servers)
            return Scene(servers, calls_per_minute)

        yield open_


@pytest.fixture
def open_scene(tmp_path: Path) -> Iterator[Open]:
    """Opens installations with the settings that operators get."""
    with _opener(tmp_path, shipped) as opener:
        yield opener


@pytest.fixture
def open_quick_scene(tmp_path: Path) -> Iterator[Open]:
    """Opens installations that notice within seconds: for tests whose names say so."""
    with _opener(tmp_path, with_short_times) as opener:
        yield opener


@pytest.fixture
def postgres() -> Iterator[Cluster]:
    """A PostgreSQL of the test's own, to be crashed and locked."""
    binaries = find_binaries()
    if binaries is None:
        pytest.skip("PostgreSQL is not installed here")
    cluster = Cluster(binaries, keeps_commits=True)
    try:
        cluster.start()
        cluster.execute("CREATE DATABASE house")
        yield cluster
    finally:
        cluster.stop()


@pytest.fixture
def open_on_postgres(postgres: Cluster, open_scene: Open) -> Open:
    """Opens installations with operators' settings, their ledger on that PostgreSQL."""
    return partial(open_scene, database_url=postgres.url("house"))


@pytest.fixture
def open_quick_on_postgres(postgres: Cluster, open_quick_scene: Open) -> Open:
    """Opens installations that notice within seconds, their ledger on that PostgreSQL."""
    return partial(open_quick_scene, database_url=postgres.url("house"))


@pytest.fixture
def for_the_table() -> Callable[[Balance], None]:
    """Keeps the figures of a run for the table at the end."""
    return _BALANCES.append


@pytest.fixture
def all_is_well() -> Callable[..., Balance]:
    """Checks the invariants at rest: all there, none twice, the limit kept; and keeps the figures for the table."""

    def check(scene: Scene, fault: str, *, seconds: float = 120) -> Balance:
        rested = scene.come_to_rest(seconds=seconds)
        balance = scene.balance(fault)
        _BALANCES.append(balance)
        assert rested, f"not at rest: {balance}"
        assert balance.lost == 0, balance
        assert balance.twice == 0, balance
        assert balance.fullest_minute <= balance.limit, balance
        return balance

    return check


@pytest.fixture
def all_is_settled() -> Callable[..., Balance]:
    """The same where calls were lost that Mailjet never took: at most `in_doubt` messages wait for their hours."""

    def check(scene: Scene, fault: str, *, in_doubt: int, seconds: float = 120) -> Balance:
        settled = scene.come_to_rest(seconds=seconds, or_in_doubt=in_doubt)
        balance = scene.balance(fault)
        _BALANCES.append(balance)
        assert settled, f"not settled: {balance}"
        assert balance.lost == 0, balance
        assert balance.twice == 0, balance
        assert balance.fullest_minute <= balance.limit, balance
        return balance

    return check


def pytest_terminal_summary(terminalreporter: Any) -> None:
    if not _BALANCES:
        return
    line = terminalreporter.write_line
    line("")
    line(f"{'fault':<44}{'mails':>7}{'sent':>7}{'other':>7}{'lost':>6}{'twice':>7}{'calls/60s':>12}{'s':>6}")
    for b in _BALANCES:
        other = b.by_state.total() - b.by_state["sent"]
        calls = f"{b.fullest_minute} of {b.limit}"
        line(
            f"{b.fault:<44}{b.accepted:>7}{b.by_state['sent']:>7}{other:>7}{b.lost:>6}{b.twice:>7}"
            f"{calls:>12}{b.seconds:>6.0f}"
        )
