"""Rules by which the local Mailjet misbehaves on request."""

import random
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from mailworker.simulator.api_request import ApiRequest


class Fault(StrEnum):
    """What can go wrong. "Stored" means that the mails of the call count as taken and will be delivered."""

    RESET_MID_BODY = "reset_mid_body"
    HANG_BEFORE = "hang_before"
    ERROR_500_BEFORE = "error_500_before"
    ERROR_502_HTML = "error_502_html"
    RESET_BEFORE = "reset_before"
    THROTTLE_429 = "throttle_429"
    TOO_LARGE_413 = "too_large_413"
    UNAUTHORIZED_401 = "unauthorized_401"
    SUSPENDED_401 = "suspended_401"
    SLOW = "slow"
    ACCEPT_THEN_HANG = "accept_then_hang"
    ERROR_500_AFTER = "error_500_after"
    RESET_AFTER = "reset_after"
    TRUNCATED_JSON = "truncated_json"
    BAD_CONTENT_TYPE = "bad_content_type"
    SLOW_DRIP = "slow_drip"
    PARTIAL_FAILURE = "partial_failure"
    SENDER_REVOKED = "sender_revoked"
    TEMPLATE_BROKEN = "template_broken"
    LOOKUP_LATE = "lookup_late"


#: Nothing is stored by a call that one of these meets.
BEFORE_STORING = frozenset(
    {
        Fault.HANG_BEFORE,
        Fault.ERROR_500_BEFORE,
        Fault.ERROR_502_HTML,
        Fault.RESET_BEFORE,
        Fault.THROTTLE_429,
        Fault.TOO_LARGE_413,
        Fault.UNAUTHORIZED_401,
        Fault.SUSPENDED_401,
    }
)
#: The call is handled, then its answer suffers.
AFTER_STORING = frozenset(
    {
        Fault.SLOW,
        Fault.ACCEPT_THEN_HANG,
        Fault.ERROR_500_AFTER,
        Fault.RESET_AFTER,
        Fault.TRUNCATED_JSON,
        Fault.BAD_CONTENT_TYPE,
        Fault.SLOW_DRIP,
    }
)


class Match(BaseModel):
    """Which calls or messages a rule means. What is left empty matches all."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    path: str = ""
    custom_id_prefix: str = ""
    recipient_contains: str = ""

    def names_message(self) -> bool:
        """Whether the rule picks messages, not only paths."""
        return bool(self.custom_id_prefix or self.recipient_contains)

    def meets(self, custom_id: str, recipients: Iterable[str]) -> bool:
        """Whether this message is meant."""
        return custom_id.startswith(self.custom_id_prefix) and (
            not self.recipient_contains or any(self.recipient_contains in one for one in recipients)
        )


class RuleInput(BaseModel):
    """A rule as it is given: `times` None means always, `seconds` is the fault's own time."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    fault: Fault
    match: Match = Match()
    times: int | None = Field(default=None, ge=1)
    probability: float = Field(default=1.0, ge=0, le=1)
    seed: int = 0
    seconds: float | None = Field(default=None, ge=0)


@dataclass(slots=True)
class Rule:
    """A rule at work: how often it struck, and its own dice, so that a seed repeats a run."""

    number: int
    given: RuleInput
    struck: int = 0
    dice: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self.dice = random.Random(self.given.seed)  # noqa: S311 - a test's dice, not a secret

    def strikes(self) -> bool:
        """Throw the dice of a rule that matched; counts it when it strikes."""
        if self.given.times is not None and self.struck >= self.given.times:
            return False
        if self.given.probability < 1 and self.dice.random() >= self.given.probability:
            return False
        self.struck += 1
        return True

    def document(self) -> dict[str, Any]:
        """As the control API shows it."""
        return {"id": self.number, **self.given.model_dump(mode="json"), "struck": self.struck}


class FaultRules:
    """All rules, oldest first; the first one that matches and strikes wins."""

    def __init__(self) -> None:
        self.rules: list[Rule] = []
        self._numbers = 0

    def add(self, given: RuleInput) -> Rule:
        """Put a rule in force."""
        self._numbers += 1
        rule = Rule(self._numbers, given)
        self.rules = [*self.rules, rule]
        return rule

    def clear(self, number: int | None = None) -> None:
        """End one rule, or all."""
        self.rules = [rule for rule in self.rules if number is not None and rule.number != number]

    def for_call(self, among: Iterable[Fault], call: ApiRequest) -> Rule | None:
        """The rule that strikes this call, whose messages it may pick by name."""
        for rule in self._rules(among, call.path):
            match = rule.given.match
            meant = not match.names_message() or any(match.meets(*names) for names in _messages(call))
            if meant and rule.strikes():
                return rule
        return None

    def for_path(self, fault: Fault, path: str) -> Rule | None:
        """The first rule of this fault for a path; it has not struck yet."""
        return next(self._rules((fault,), path), None)

    def for_message(self, fault: Fault, custom_id: str, recipients: Iterable[str]) -> Rule | None:
        """The rule that strikes this one message of a send call."""
        for rule in self._rules((fault,), ""):
            if rule.given.match.meets(custom_id, recipients) and rule.strikes():
                return rule
        return None

    def _rules(self, among: Iterable[Fault], path: str) -> Iterator[Rule]:
        wanted = frozenset(among)
        for rule in self.rules:
            if rule.given.fault in wanted and (not path or path.startswith(rule.given.match.path)):
                yield rule


def _messages(call: ApiRequest) -> Iterator[tuple[str, list[str]]]:
    if call.method == "GET":
        yield call.filters.get("CustomID", ""), [call.filters.get("ContactAlt", "")]
        return
    for message in call.fields.get("Messages") or ():
        if isinstance(message, Mapping):
            yield str(message.get("CustomID") or ""), addresses_of(message)


def addresses_of(message: Mapping[str, Any]) -> list[str]:
    """Every To, Cc and Bcc address of a message as sent."""
    people = [one for role in ("To", "Cc", "Bcc") for one in message.get(role) or ()]
    return [str(one.get("Email")) for one in people if isinstance(one, Mapping)]
