"""A CGRateS that charges, fires and forgets like the real one, on a loopback port.

FACT (read in CGRateS's source, branch master at 19463bd): JSON-RPC at /jsonrpc with errors as texts and HTTP 200;
GetAccounts leaves unknown accounts out; an ActionTrigger `*min_balance` fires where the value is <= its threshold,
once until it is reset, and only when the account is touched; `*http_post_async` posts the whole account, with the
fired trigger at `Executed: true`, in Go's JSON (floats as 1e+21, times with nanoseconds, year 1 for never); a top-up
keeps the UUID and the expiry of an unexpired balance, else makes a new one; an expired balance is noticed when the
account is touched, and then deleted; a disabled account fires nothing. GUESS: the exact text of errors but NOT_FOUND,
the answer of CoreSv1.Status, and that Actions are listed with `ActionType`.
"""

import base64
import json
import uuid
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from http.server import BaseHTTPRequestHandler

from tests import http_server
from tests.omnicrm.threshold_filters import account_update, matches

NEVER = "0001-01-01T00:00:00Z"


def go_number(value):
    """A float64 as Go's encoding/json writes it: shortest, with an exponent below 1e-6 and from 1e21 on."""
    value = float(value)
    if value and (abs(value) < 1e-6 or abs(value) >= 1e21):
        mantissa, _, exponent = repr(value).partition("e")
        return f"{mantissa.removesuffix('.0')}e{exponent[0]}{int(exponent[1:])}"
    return f"{Decimal(repr(value)):f}".removesuffix(".0")


def go_time(moment):
    """RFC 3339 with nanoseconds, as time.Time marshals itself; year 1 for none."""
    if moment is None:
        return NEVER
    text = moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")
    fraction = f".{moment.microsecond:06d}651" if moment.microsecond else ""
    return f"{text}{fraction}Z"


class _Float(float):
    """A number that is written as Go writes it."""

    def __repr__(self):
        return go_number(float(self))


def go_json(value):
    """JSON with Go's numbers."""
    if isinstance(value, _Float):
        return repr(value)
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(k)}:{go_json(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(go_json(v) for v in value) + "]"
    return json.dumps(value)


@dataclass
class Balance:
    uuid: str
    id: str
    type: str
    value: float
    expires: datetime | None = None
    disabled: bool = False
    weight: float = 10
    blocker: bool = False
    destinations: dict = field(default_factory=dict)

    def wire(self):
        return {
            "Uuid": self.uuid, "ID": self.id, "Value": _Float(self.value), "ExpirationDate": go_time(self.expires),
            "Weight": self.weight, "DestinationIDs": self.destinations, "RatingSubject": "", "Categories": {},
            "SharedGroups": {}, "Timings": None, "TimingIDs": {}, "Disabled": self.disabled, "Factors": None,
            "Blocker": self.blocker,
        }  # fmt: skip


@dataclass
class Trigger:
    group: str
    id: str
    threshold: float
    type: str
    balance_id: str
    actions: str
    kind: str = "*min_balance"
    executed: bool = False
    at: datetime | None = None

    def wire(self):
        return {
            "ID": self.group, "UniqueID": self.id, "ThresholdType": self.kind, "ThresholdValue": _Float(self.threshold),
            "Recurrent": False, "MinSleep": 0, "ExpirationDate": NEVER, "ActivationDate": NEVER,
            "Balance": {"Uuid": None, "ID": self.balance_id or None, "Type": self.type, "Value": None},
            "Weight": 10, "ActionsID": self.actions, "MinQueuedItems": 0, "Executed": self.executed,
            "LastExecutionTime": go_time(self.at),
        }  # fmt: skip


@dataclass
class Account:
    name: str
    tenant: str = "cgrates.org"
    balances: list[Balance] = field(default_factory=list)
    triggers: list[Trigger] = field(default_factory=list)
    disabled: bool = False

    def wire(self, now):
        groups = {}
        for one in self.balances:
            groups.setdefault(one.type, []).append(one.wire())
        return {
            "ID": f"{self.tenant}:{self.name}", "BalanceMap": groups or None, "UnitCounters": None,
            "ActionTriggers": [one.wire() for one in self.triggers], "AllowNegative": False,
            "Disabled": self.disabled, "UpdateTime": go_time(now),
        }  # fmt: skip


class Cgrates:
    """The engine. `now` is its clock; `posts` are those that its Actions made, to be delivered or not."""

    def __init__(self, tenant="cgrates.org"):
        self.tenant = tenant
        self.accounts = {}
        self.actions = {}
        self.trigger_groups = {}
        self.profiles = {}
        self.threshold_profiles = {}
        self.rals = {"thresholds_conns": ["*internal"]}
        self.version = "CGRateS@v0.11.0~dev"
        self.now = datetime(2026, 11, 28, 12, tzinfo=UTC)
        self.posts = []
        self.calls = []
        self.answers = []  # (status, body) to give instead, first come first served
        self.login = None

    def account(self, name, *balances, disabled=False):
        self.accounts[name] = Account(name, self.tenant, list(balances), disabled=disabled)
        return self.accounts[name]

    def balance(self, type_, id_, value, *, days=None):
        expires = None if days is None else self.now + timedelta(days=days)
        return Balance(str(uuid.uuid4()), id_, type_, float(value), expires)

    def watch(self, name, group):
        """Hang a group of triggers on an account, as SetAccount does."""
        self.accounts[name].triggers += [Trigger(**vars(one)) for one in self.trigger_groups[group]]

    def debit(self, name, type_, id_, amount):
        """Use some of a balance: only unexpired ones are used, then triggers run, then expired ones go."""
        account = self.accounts[name]
        before = {one.uuid: one.value for one in account.balances}
        touched = [
            one for one in account.balances if (one.type, one.id) == (type_, id_) and not self.is_expired(one)
        ]
        for one in touched[:1]:
            one.value -= amount
        self._touch(account, touched[:1])
        self._publish(account, before)

    def top_up(self, name, type_, id_, value, *, days=None, reset=False):
        """*topup, or *topup_reset: the unexpired balance of that ID keeps its UUID and its old expiry."""
        account = self.accounts[name]
        live = [o for o in account.balances if (o.type, o.id) == (type_, id_) and not self.is_expired(o)]
        if live:
            live[0].value = float(value) if reset else live[0].value + value
        else:
            live = [self.balance(type_, id_, value, days=days)]
            account.balances += live
        self._touch(account, live)

    def reset_triggers(self, name):
        for one in self.accounts[name].triggers:
            one.executed = False
        self._touch(self.accounts[name], self.accounts[name].balances)

    def is_expired(self, balance):
        return balance.expires is not None and balance.expires <= self.now

    def _touch(self, account, changed):
        if not account.disabled:
            for trigger in account.triggers:
                self._try(account, trigger, changed)
        account.balances = [one for one in account.balances if not self.is_expired(one)]

    def _try(self, account, trigger, changed):
        looked_at = account.balances if trigger.kind == "*balance_expired" else changed
        fitting = [o for o in looked_at if o.type == trigger.type and trigger.balance_id in ("", o.id)]
        if trigger.kind == "*balance_expired":
            fires = any(self.is_expired(one) for one in fitting)
        else:
            fires = any(one.value <= trigger.threshold for one in fitting)
        if not trigger.executed and fires:
            trigger.executed, trigger.at = True, self.now
            for part in self.actions.get(trigger.actions, []):
                if part.get("Identifier") in {"*http_post", "*http_post_async"}:
                    self.posts.append((part["ExtraParameters"], go_json(account.wire(self.now))))

    def _publish(self, account, before):
        """The event of each change of an account, where ThresholdS is connected."""
        if not self.rals["thresholds_conns"]:
            return
        for profile in self.threshold_profiles.values():
            if profile["MaxHits"] == -1 and matches(profile["FilterIDs"], account_update(account, before)):
                for part in (one for name in profile["ActionIDs"] for one in self.actions.get(name, [])):
                    if part.get("Identifier") in {"*http_post", "*http_post_async"}:
                        self.posts.append((part["ExtraParameters"], go_json(account.wire(self.now))))

    def rpc(self, method, given):
        """The result and the error of one call."""
        made = getattr(self, "_" + method.replace(".", "_").lower().replace("apiers", "apier"), None)
        if made is None:
            return None, f"rpc: can't find method {method}"
        return made(given)

    def _apierv2_getaccounts(self, given):
        names = given.get("AccountIDs")
        found = [one for one in self.accounts.values() if not names or one.name in names]
        if given["Tenant"] != self.tenant:
            found = []
        return [one.wire(self.now) for one in found], None

    def _apierv2_getaccount(self, given):
        found = self.accounts.get(given["Account"]) if given["Tenant"] == self.tenant else None
        return (None, "NOT_FOUND") if found is None else (found.wire(self.now), None)

    def _apierv2_getactions(self, given):
        found = {}
        for name in given["ActionIDs"]:
            if name in self.actions:
                found[name] = [
                    {"ActionType": p.get("Identifier", p.get("ActionType")), **p} for p in self.actions[name]
                ]
        return (found, None) if found else (None, "NOT_FOUND")

    def _apierv1_setactions(self, given):
        if given["ActionsId"] in self.actions and not given.get("Overwrite"):
            return None, "EXISTS"
        self.actions[given["ActionsId"]] = [stored(one) for one in given["Actions"]]
        return "OK", None

    def _apierv1_setactiontrigger(self, given):
        one = given["ActionTrigger"]
        group = self.trigger_groups.setdefault(given["GroupID"], [])
        group[:] = [t for t in group if t.id != given["UniqueID"]]
        group.append(Trigger(given["GroupID"], given["UniqueID"], float(one.get("ThresholdValue", 0)), one["BalanceType"],
                             one.get("BalanceID", ""), one["ActionsID"], one["ThresholdType"]))  # fmt: skip
        return "OK", None

    def _apierv1_getactiontriggers(self, given):
        names = given.get("GroupIDs") or list(self.trigger_groups)
        if any(name not in self.trigger_groups for name in names):
            return None, "NOT_FOUND"
        return [t.wire() for name in names for t in self.trigger_groups[name]], None

    def _apierv1_setthresholdprofile(self, given):
        if not given.get("ID"):
            return None, "MANDATORY_IE_MISSING: [ID]"
        self.threshold_profiles[given["ID"]] = {"ActivationInterval": None, "Blocker": False, "EeIDs": None,
                                                "MinSleep": 0, **given}  # fmt: skip
        return "OK", None

    def _apierv1_getthresholdprofile(self, given):
        found = self.threshold_profiles.get(given["ID"])
        return (found, None) if found else (None, "NOT_FOUND")

    def _apierv1_getthresholdprofileids(self, _given):
        return (list(self.threshold_profiles), None) if self.threshold_profiles else (None, "NOT_FOUND")

    def _configsv1_getconfig(self, given):
        return {given["Section"]: self.rals}, None

    def _apierv2_setaccount(self, given):
        account = self.accounts.setdefault(given["Account"], Account(given["Account"], self.tenant))
        for group in given.get("ActionTriggerIDs") or ():
            have = {t.id for t in account.triggers}
            account.triggers += [
                Trigger(**vars(t)) for t in self.trigger_groups.get(group, ()) if t.id not in have
            ]
        return "OK", None

    def _corev1_status(self, given):
        return self._coresv1_status(given)

    def _coresv1_status(self, _given):
        return {"version": self.version, "node_id": "stand-in"}, None


def stored(part):
    """A part of SetActions as GetActions gives it back."""
    balance = {
        "ID": part.get("BalanceId"),
        "Type": part.get("BalanceType"),
        "Weight": part.get("BalanceWeight"),
    }
    if part.get("Units") is not None:
        balance["Value"] = {"Static": part["Units"], "Method": "", "Params": None}
    return {"Identifier": part["Identifier"], "ActionType": part["Identifier"], "Weight": part.get("Weight", 0),
            "ExtraParameters": part.get("ExtraParameters", ""), "ExpirationString": part.get("ExpiryTime", ""),
            "Balance": {name: value for name, value in balance.items() if value is not None}}  # fmt: skip


@contextmanager
def serving(engine):
    """The URL of /jsonrpc."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status, text = self.answered(body)
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def answered(self, body):
            if engine.answers:
                status, text = engine.answers.pop(0)
                return status, text.encode()
            if engine.login:
                wanted = "Basic " + base64.b64encode(":".join(engine.login).encode()).decode()
                if self.headers.get("Authorization") != wanted:
                    return 401, b"Unauthorized"
            if self.path != "/jsonrpc":
                return 404, b"404 page not found"
            call = json.loads(body)
            if (call["jsonrpc"], call["id"]) != ("2.0", 1):  # without an id it were a notification
                return 400, b"invalid request"
            engine.calls.append((call["method"], call["params"][0]))
            result, error = engine.rpc(call["method"], call["params"][0])
            return 200, go_json({"id": call["id"], "result": result, "error": error}).encode()

    with http_server.listening(Handler, 0.05) as url:
        yield f"{url}/jsonrpc"
