"""A CRM whose balances are in the charging engine: everything else is the CRM's own."""

from collections.abc import Collection, Iterator

from mailworker.balances.cgrates_balances import EngineBalances, Looked
from mailworker.balances.service_end import PREFIX
from mailworker.config.crm import CrmSettings, Question
from mailworker.crm.crm_interface import Found, RecordPage
from mailworker.crm.open_row_source import open_rows
from mailworker.crm.record_source import RecordSource
from mailworker.crm.records import Balance, Service
from mailworker.crm.row_source_interface import Cursor
from mailworker.errors import BadInput
from mailworker.ledger import Ledger
from mailworker.ledger.seen_balances import accounts_of, begin_baseline, end_baseline

_NO_SERVICES = (
    "balances.cgrates is set, but the CRM source does not say whose accounts they are: it needs the question "
    "services (docs/crm.md)."
)


class CrmWithEngine(RecordSource):
    """A CrmSource over rows, with balances out of the engine. With `writes` false a look leaves no trace."""

    def __init__(
        self, settings: CrmSettings, engine: EngineBalances, ledger: Ledger, *, writes: bool = True
    ) -> None:
        super().__init__(open_rows(settings), settings.timezone, settings.status_words)
        self._settings = settings
        self._engine = engine
        self._ledger = ledger
        self._writes = writes

    def rehearsing(self) -> "CrmWithEngine":
        """The same, for a scan that writes nothing. Close it on its own."""
        return CrmWithEngine(self._settings, self._engine, self._ledger, writes=False)

    def offers(self, question: Question) -> bool:
        """Balances wherever there are services."""
        return super().offers("services" if question == "balances" else question)

    def balances(self, *, after: Cursor | None = None) -> Iterator[RecordPage[Balance]]:
        """All balances, page by page of services. The first time all are only looked at, and nothing is old.

        A first look that was cut short goes on from its position.
        """
        now = self._engine.now()
        if self._writes:
            with self._ledger.write() as connection:
                begin_baseline(connection, now)
        for page in self.services(after=after):
            looked = self._engine.look(page.records, writes=self._writes)
            yield RecordPage(looked.balances, (*page.faults, *looked.faults), (), page.end)
        if self._writes:
            with self._ledger.write() as connection:
                end_baseline(connection, self._engine.now())

    def balances_of(self, ids: Collection[str]) -> Found[Balance]:
        """These balances as they stand at this moment; those that were never seen are nobody's."""
        with self._ledger.read() as connection:
            accounts = dict(accounts_of(connection, ids))
        accounts |= {one: one.removeprefix(PREFIX) for one in ids if one.startswith(PREFIX)}
        services = self.services_of(sorted(set(accounts.values())))
        looked = self._engine.look(_readable(services), writes=self._writes)
        found: dict[str, Balance | BadInput] = {one.balance_id: one for one in looked.balances}
        found |= {
            one: fault for one, name in accounts.items() if isinstance(fault := services.get(name), BadInput)
        }
        return {one: found[one] for one in ids if one in found}

    def look_at(self, accounts: Collection[str]) -> Looked:
        """The balances of these accounts, which the engine has just posted.

        Faults name those whose service cannot be read.
        """
        services = self.services_of(sorted(accounts))
        faults = [line for one in services.values() if isinstance(one, BadInput) for line in one.faults]
        looked = self._engine.look(_readable(services), writes=self._writes, live=True)
        return Looked(looked.balances, (*faults, *looked.faults))

    def count(self, question: Question) -> int | None:
        """How many records there are; of balances, how many services."""
        return super().count("services" if question == "balances" else question)

    def check(self) -> list[str]:
        """What is wrong with the CRM; the engine has checks of its own."""
        faults = super().check()
        return faults if super().offers("services") else [*faults, _NO_SERVICES]


def _readable(services: Found[Service]) -> list[Service]:
    return [one for one in services.values() if isinstance(one, Service)]
