"""Configuring CGRateS to post here, and whether it does: what is missing, and the calls that mend it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

from mailworker.config.settings import Settings
from mailworker.crm.cgrates.action_triggers import (
    ACTION,
    GROUP,
    EngineCall,
    Trigger,
    account_call,
    action_call,
    groups_for,
    trigger_calls,
    triggers_of,
)
from mailworker.crm.cgrates.allowances import Allowances, allowances_of
from mailworker.crm.cgrates.client import CgratesClient, objects, texts
from mailworker.crm.cgrates.reset_triggers_after_top_up import reset_call
from mailworker.crm.cgrates.threshold_profiles import (
    profile_call,
    profile_faults,
    profile_triggers,
    uncovered,
)
from mailworker.crm.record_source import RecordSource
from mailworker.errors import BadInput, Misconfigured

OCS_PATH = "/ocs/cgrates"
_NO_URL = (
    "balances.cgrates.post_url is empty: give the address at which CGRateS reaches `mailworker webhook`, "
    "as http://mailworker:8070/ocs/cgrates."
)
_NO_LOGIN = (
    "web.ocs_user and web.ocs_password are empty: without them everything that CGRateS posts is refused."
)


@dataclass(frozen=True, slots=True)
class Products:
    """The products of services: their Actions as CGRateS has them, and what full balances hold."""

    actions: Mapping[str, Any] = field(default_factory=dict)
    allowances: Mapping[str, Allowances] = field(default_factory=dict)


class EngineSetup:
    """Set-up of one CGRateS for this configuration."""

    def __init__(self, settings: Settings, crm: RecordSource, client: CgratesClient) -> None:
        self._settings = settings
        self._crm = crm
        self._client = client

    def calls(self, *, resets: bool = True, shown: bool = False) -> Iterator[EngineCall | str]:
        """All calls in order, and sentences for what a person must do. `shown`: *** for secrets."""
        products = self._products()
        triggers = triggers_of(self._settings.balances, products.allowances)
        yield action_call(self._url(shown=shown))
        yield from trigger_calls(triggers)
        if resets:
            for name, parts in products.actions.items():
                if (call := reset_call(name, parts)) is not None:
                    yield call
        for page in self._crm.services():
            for service in page.records:
                groups = groups_for(service.product, triggers)
                yield account_call(self._settings.balances.cgrates.tenant, service.service_uuid, groups)

    def threshold_calls(self, *, shown: bool = False) -> Iterator[EngineCall | str]:
        """The same with profiles of ThresholdS: no triggers on accounts, no resets."""
        triggers, ids = self._thresholds()
        yield action_call(self._url(shown=shown))
        for one in profile_triggers(triggers, ids):
            yield profile_call(self._settings.balances.cgrates.tenant, one)
        yield from uncovered(triggers, ids)

    def apply(self, call: EngineCall) -> None:
        """Make one call. Raises what the engine raises."""
        self._client.call(call.method, call.parameters)

    def faults(self) -> list[str]:
        """What keeps CGRateS from posting here, a sentence each. Raises what the engine raises."""
        found = [_NO_LOGIN] if not all(self._settings.web.ocs_login) else []
        found += self._action_faults()
        if names := self._profile_names():
            return found + self._threshold_faults(names)
        products = self._products()
        wanted = triggers_of(self._settings.balances, products.allowances)
        found += self._trigger_faults(wanted)
        for name, parts in products.actions.items():
            if reset_call(name, parts) is not None:
                found.append(
                    f"CGRateS: {name} tops up and resets no triggers, so that its second low balance is not "
                    "posted: run `mailworker cgrates setup --apply`."
                )
        return found + self._account_faults()

    def _action_faults(self) -> list[str]:
        parts = objects(self._client.actions([ACTION]).get(ACTION))
        urls = [str(one.get("ExtraParameters")) for one in parts]
        if not urls:
            return [f"CGRateS has no Action {ACTION}: run `mailworker cgrates setup --apply`."]
        host = urlsplit(self._settings.balances.cgrates.post_url).hostname
        if host and not any(urlsplit(url).hostname == host for url in urls):
            return [f"CGRateS: {ACTION} posts to another host than balances.cgrates.post_url; apply setup."]
        if not any(urlsplit(url).path.endswith(OCS_PATH) for url in urls):
            return [f"CGRateS: {ACTION} does not post to {OCS_PATH}: run `mailworker cgrates setup --apply`."]
        return []

    def _trigger_faults(self, wanted: list[Trigger]) -> list[str]:
        have: set[tuple[str, str]] = set()
        for group in sorted({one.group for one in wanted}):
            for one in objects(self._client.call("APIerSv1.GetActionTriggers", {"GroupIDs": [group]})):
                have.add((str(one.get("ID")), str(one.get("UniqueID"))))
        missing = [one.name for one in wanted if (one.group, one.name) not in have]
        if not missing:
            return []
        first = f"CGRateS lacks {len(missing)} triggers, the first is {missing[0]}"
        return [f"{first}: run `mailworker cgrates setup --apply`."]

    def _thresholds(self) -> tuple[list[Trigger], dict[str, set[str]]]:
        """The triggers to be, and the IDs of balances that are known, by their type."""
        products = self._products()
        ids: dict[str, set[str]] = {}
        for allowances in products.allowances.values():
            for type_, balance in allowances:
                if balance:
                    ids.setdefault(type_, set()).add(balance)
        return triggers_of(self._settings.balances, products.allowances), ids

    def _profile_names(self) -> list[str]:
        given = {"Tenant": self._settings.balances.cgrates.tenant}
        found = texts(self._client.call("APIerSv1.GetThresholdProfileIDs", given))
        return [name for name in found if name.startswith(f"{GROUP}_")]

    def _threshold_faults(self, names: list[str]) -> list[str]:
        tenant = self._settings.balances.cgrates.tenant
        triggers, ids = self._thresholds()
        wanted = profile_triggers(triggers, ids)
        there = {one.name for one in wanted} & set(names)
        profiles = {
            name: self._client.call("APIerSv1.GetThresholdProfile", {"Tenant": tenant, "ID": name})
            for name in sorted(there)
        }
        return [*self._event_faults(), *profile_faults(profiles, wanted), *uncovered(triggers, ids)]

    def _event_faults(self) -> list[str]:
        """Whether accounts' changes reach ThresholdS, with their balances."""
        if "@v0.10" in self._client.version():
            return ["CGRateS 0.10 tells ThresholdS of no balances: use triggers, `cgrates setup --apply`."]
        found = self._client.call("ConfigSv1.GetConfig", {"Section": "rals"})
        section = found.get("rals") if isinstance(found, Mapping) else None
        if isinstance(section, Mapping) and not section.get("thresholds_conns"):
            return [
                "CGRateS: rals.thresholds_conns is empty, so that no account's change reaches ThresholdS."
            ]
        return []

    def _account_faults(self) -> list[str]:
        """Whether accounts have the triggers: a page of them is looked at."""
        page = next(self._crm.services(), None)
        names = [one.service_uuid for one in page.records[:50]] if page else []
        if not names:
            return []
        given = {"Tenant": self._settings.balances.cgrates.tenant, "AccountIDs": names}
        found = objects(self._client.call("APIerSv2.GetAccounts", given))
        bare = [one for one in found if not _watched(one)]
        if not bare:
            return []
        first = f"CGRateS: {len(bare)} of the first {len(found)} accounts have none of mailworker's triggers"
        cure = "run `mailworker cgrates setup --apply`, and have playbooks add the group to new accounts"
        return [f"{first}: {cure}."]

    def _products(self) -> Products:
        template = self._settings.balances.cgrates.actions
        slugs = {one.product for page in self._crm.services() for one in page.records if one.product}
        names = {slug: template.replace("{product}", slug) for slug in sorted(slugs)} if template else {}
        actions = {name: self._client.actions([name]).get(name) for name in names.values()}
        allowances = {slug: allowances_of(actions[name]) for slug, name in names.items()}
        return Products(actions, allowances)

    def _url(self, *, shown: bool) -> str:
        url = self._settings.balances.cgrates.post_url
        if not url:
            raise BadInput(_NO_URL)
        user, password = self._settings.web.ocs_login
        if not user or not password:
            raise Misconfigured(_NO_LOGIN)
        parts = urlsplit(url)
        secret = "***" if shown else quote(password.reveal(), safe="")
        return urlunsplit(parts._replace(netloc=f"{quote(user, safe='')}:{secret}@{parts.netloc}"))


def _watched(account: Mapping[str, Any]) -> bool:
    return any(str(one.get("ID") or "").startswith(GROUP) for one in objects(account.get("ActionTriggers")))
