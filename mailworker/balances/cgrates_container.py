"""Everything that works with the charging engine, made from the configuration when it is first needed."""

from collections.abc import Callable
from datetime import datetime
from functools import cached_property

from mailworker.balances.cgrates_balances import EngineBalances
from mailworker.balances.cgrates_setup import EngineSetup
from mailworker.balances.cgrates_source import CrmWithEngine
from mailworker.config.settings import Settings
from mailworker.crm.cgrates import CgratesClient
from mailworker.errors import Misconfigured
from mailworker.ledger import Ledger


class EngineParts:
    """One process's CGRateS: its client, its balances, the CRM with them, its set-up."""

    def __init__(
        self, settings: Settings, ledger: Callable[[], Ledger], clock: Callable[[], datetime]
    ) -> None:
        self._settings = settings
        self._ledger = ledger
        self._clock = clock

    @cached_property
    def client(self) -> CgratesClient:
        """The calls. Raises Misconfigured where no CGRateS is configured."""
        settings = self._settings.balances.cgrates
        if not settings.url:
            raise Misconfigured("balances.cgrates.url is empty: give CGRateS's, as http://ocs:2080/jsonrpc.")
        return CgratesClient(settings)

    @cached_property
    def engine(self) -> EngineBalances:
        """Its balances."""
        balances, currency = self._settings.balances, self._settings.invoice.currency
        return EngineBalances(balances, currency, self.client, self._ledger(), self._clock)

    @cached_property
    def crm(self) -> CrmWithEngine:
        """The CRM, with its balances."""
        return CrmWithEngine(self._settings.crm, self.engine, self._ledger())

    @cached_property
    def setup(self) -> EngineSetup:
        """How CGRateS is configured to post here."""
        return EngineSetup(self._settings, self.crm, self.client)

    def close(self) -> None:
        """Let go of connections."""
        if "client" in self.__dict__:
            self.client.close()
