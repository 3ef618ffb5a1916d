"""The same promises about a person's data, on PostgreSQL."""

import pytest

from mailworker.ledger import Ledger
from tests.unit.test_privacy import (  # noqa: F401 - collected here once more
    full,
    test_after_an_erasure_nothing_names_the_person,
    test_an_erased_address_stays_suppressed,
    test_an_export_shows_everything,
    test_erasing_twice_is_erasing_once,
)

pytestmark = pytest.mark.integration


@pytest.fixture
def ledger(fresh_postgres_url):
    found = Ledger.open(fresh_postgres_url)
    yield found
    found.close()
