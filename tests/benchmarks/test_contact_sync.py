"""What a full sync costs: calls, seconds of our own work, and memory, the first time and when nothing changed."""

import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest

from mailworker.crm.records import Customer
from mailworker.crm.source import Page
from tests.integration.contact_house import ContactHouse, contact, contact_house

pytestmark = pytest.mark.benchmark

CONTACTS = 10_000
TYPES = ("billing", "technical", "management")


class BigCrm:
    """A CRM that invents its customers page by page."""

    def customers(self) -> Iterator[Page[Customer]]:
        for start in range(0, CONTACTS, 1000):
            yield Page(tuple(map(_customer, range(start, start + 1000))))

    def count(self, _question: str) -> int:
        return CONTACTS


def _customer(number: int) -> Customer:
    key = f"C{number}"
    one = contact(number, contact_type=TYPES[number % 3], customer_id=key, custom_fields={"plan": "Fibre"})
    return Customer(customer_id=key, name=f"Customer {number}", city="Lyon", contacts=(one,))


def _sync(house: ContactHouse) -> tuple[int, float]:
    calls, began = len(house.calls()), time.monotonic()
    house.clock.forward(3600)
    house.book.reader.read(clock=house.clock)
    house.book.looker.look()
    house.work()
    return len(house.calls()) - calls, time.monotonic() - began


@pytest.mark.timeout(600)
def test_calls_of_a_full_sync(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    with contact_house(tmp_path, job_seconds=0) as house:
        house.crm = BigCrm()
        house.book = house.make()
        first, seconds = _sync(house)
        assert {row["state"] for row in house.rows.values()} == {"in_step"}
        tracemalloc.start()
        again, seconds_again = _sync(house)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    answer = (
        f"{CONTACTS} contacts: {first} calls, {seconds:.0f} s of work; again {again} calls, "
        f"{seconds_again:.0f} s; at most {peak / 1e6:.0f} MB of Python objects"
    )
    with capsys.disabled():
        print(f"\n{answer}")  # noqa: T201 - the benchmark's answer
    assert first < CONTACTS / 200
    assert again < CONTACTS / 400
