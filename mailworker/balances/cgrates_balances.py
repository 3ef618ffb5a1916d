"""Balances as the charging engine has them, with whose they are and what was seen of them before."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from mailworker.balances.service_end import end_of, has_ended, of_service
from mailworker.config.balances import BalanceSettings
from mailworker.config.cgrates import UnitBlock
from mailworker.crm.cgrates import Account, CgratesClient
from mailworker.crm.cgrates.allowances import Allowances, ProductAllowances
from mailworker.crm.records import Balance, Service
from mailworker.ledger import Ledger
from mailworker.ledger.seen_balances import Seen, has_baseline, note_taken_away, observe, seen_of
from mailworker.rules.balance_history import Reading, SeenBalance, first_sight, seen_again
from mailworker.rules.interchangeable_balances import is_replaced, left, usable


@dataclass(frozen=True, slots=True)
class Looked:
    """What a look found: balances to decide about, and a sentence for each account that cannot be read."""

    balances: tuple[Balance, ...] = ()
    faults: tuple[str, ...] = ()


class EngineBalances:
    """Looks at services' accounts. `currency` is what the engine's money is in, for it does not give it."""

    def __init__(
        self,
        settings: BalanceSettings,
        currency: str,
        client: CgratesClient,
        ledger: Ledger,
        clock: Callable[[], datetime],
    ) -> None:
        self._settings = settings.cgrates
        self._keep = timedelta(days=settings.expired_within_days)
        self._currency = currency
        self._client = client
        self._ledger = ledger
        self._clock = clock
        self._allowances = ProductAllowances(client, settings.cgrates.actions)

    def look(self, services: Sequence[Service], *, writes: bool = True, live: bool = False) -> Looked:
        """The balances of these services at this moment; what was seen is written down unless switched off.

        `live`: the engine has just posted that something happened to them.

        Raises Unreachable or Misconfigured of the engine, and LedgerUnavailable.
        """
        if not services:
            return Looked()
        accounts, faults = self._client.accounts([one.service_uuid for one in services])
        now = self._clock()
        readings = [one for service in services for one in self._readings(service, accounts)]
        alive = [name for name, account in accounts.items() if _alive(account)]
        before, seen = self._seen(services, readings, alive, now, writes=writes, live=live)
        by_account: dict[str, list[Reading]] = {}
        for one in readings:
            by_account.setdefault(one.account, []).append(one)
        found: list[Balance] = []
        for service in services:
            name = service.service_uuid
            if not _alive(accounts.get(name)) and not self._has_ended(service, now):
                continue
            here = by_account.get(name, [])
            known = {one.uuid: one for one in before.get(name, ())} | {
                one.uuid: seen[one.uuid] for one in here
            }
            found += self._reportable(service, here, known, now)
        return Looked(tuple(found), tuple(faults))

    def now(self) -> datetime:
        """The time."""
        return self._clock()

    def _readings(self, service: Service, accounts: Mapping[str, Account]) -> Iterator[Reading]:
        name, account = service.service_uuid, accounts.get(service.service_uuid)
        for one in account.balances if account and _alive(account) else ():
            if one.name not in self._settings.ignore_ids:
                yield Reading(account=name, **asdict(one))
        if self._settings.service_ends and (end := end_of(service)) is not None:
            yield end

    def _seen(
        self,
        services: Sequence[Service],
        readings: Sequence[Reading],
        alive: Sequence[str],
        now: datetime,
        *,
        writes: bool,
        live: bool,
    ) -> tuple[Seen, dict[str, SeenBalance]]:
        names = [one.service_uuid for one in services]
        with self._ledger.read() as connection:
            before = seen_of(connection, names)
            started = has_baseline(connection)
        if writes:
            there = {one.uuid for one in readings}
            absent = [one for name in alive for one in before.get(name, ()) if one.uuid not in there]
            with self._ledger.write() as connection:
                note_taken_away(connection, absent, now)
                return before, observe(connection, readings, before, now, live=live)
        known = {one.uuid: one for seen in before.values() for one in seen}
        return before, {
            one.uuid: seen_again(known[one.uuid], one, now)
            if one.uuid in known
            else first_sight(one, now, started=started)
            for one in readings
        }

    def _reportable(
        self, service: Service, here: list[Reading], known: Mapping[str, SeenBalance], now: datetime
    ) -> Iterator[Balance]:
        """The balances of one service that an alert may be about."""
        allowances = self._allowances.of(service.product) if here else {}
        live = usable(here, now)
        held = left(live, self._shown_name)
        for seen in of_service(service, known.values(), ended=self._has_ended(service, now)):
            past = seen.expires_at if seen.expires_at is not None and seen.expires_at <= now else None
            if past is not None and (
                self._is_old(seen, past, now) or is_replaced(seen, live, self._shown_name)
            ):
                continue
            if past is not None or seen.uuid in held:
                yield self._balance(service, seen, held.get(seen.uuid, seen.value), allowances)

    def _shown_name(self, name: str) -> str:
        return self._settings.names.get(name, "")

    def _has_ended(self, service: Service, now: datetime) -> bool:
        return self._settings.service_ends and has_ended(service, now)

    def _is_old(self, seen: SeenBalance, expired_at: datetime, now: datetime) -> bool:
        """Whether it expired before anybody here looked, or longer ago than is reported."""
        unseen = seen.at_start is not None and expired_at <= seen.first_seen
        return unseen or now - expired_at > self._keep

    def _balance(self, service: Service, seen: SeenBalance, left: Decimal, allowances: Allowances) -> Balance:
        unit, settings = self._unit(seen.type), self._settings
        full = allowances.get((seen.type, seen.name), seen.highest)
        return Balance(
            balance_id=seen.uuid,
            customer_id=service.customer_id,
            balance_type=self._shown_name(seen.name) or unit.type or seen.type.lstrip("*"),
            amount=left / unit.divide,
            period_start=seen.first_seen,
            plan=service.product or seen.name,
            allowance=full / unit.divide if full > 0 else None,
            expires_at=seen.expires_at,
            topped_up_at=seen.topped_up_at,
            level_after_top_up=_divided(seen.level_after_top_up, unit),
            amount_at_start=_divided(seen.at_start, unit),
            timezone=service.timezone,
            email=service.email,
            customer_name=service.customer_name,
            service_name=service.service_name,
            unit=unit.unit,
            language=service.language,
            topup_url=_linked(settings.topup_url, service),
            renewal_url=_linked(settings.renewal_url, service),
        )

    def _unit(self, type_: str) -> UnitBlock:
        unit = self._settings.unit_of(type_)
        if type_ != "*monetary" or type_ in self._settings.units:
            return unit
        return unit.model_copy(update={"unit": self._currency})


def _alive(account: Account | None) -> bool:
    return account is not None and not account.disabled


def _divided(value: Decimal | None, unit: UnitBlock) -> Decimal | None:
    return None if value is None else value / unit.divide


def _linked(template: str, service: Service) -> str:
    return template.replace("{service_uuid}", service.service_uuid).replace(
        "{customer_id}", service.customer_id
    )
