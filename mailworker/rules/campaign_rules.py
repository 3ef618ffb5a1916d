"""Is this a campaign that can be sent, when does it go, and what may be done with it now?"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from mailworker.core.did_you_mean import did_you_mean
from mailworker.core.json_check import json_faults, printable_name
from mailworker.core.json_fields import JsonFields
from mailworker.core.kind import Kind
from mailworker.errors import BadInput
from mailworker.rules.contact_input import contact_address
from mailworker.rules.may_replay import first_key
from mailworker.rules.recipient_gate import Purpose

#: Every contact has these, beside its properties.
OWN_WORDS = ("email", "name")
#: How many characters a campaign's id has.
CAMPAIGN_ID = 12
_LOCALE = re.compile("[a-z]{2}_[A-Z]{2}")
_CAMPAIGN, _TEST = "campaign:", "campaign-test:"
MAX_NAME = 100
MAX_SUBJECT = 255
#: As long as a contact may have it.
MAX_CONTACT_TYPE = 1000
FIELDS = frozenset(
    {"name", "segment", "everybody", "contact_type", "subject", "html", "text", "template_id", "kind"}
    | {"values", "from_email", "from_name", "locale"}
)


class CampaignChannel(StrEnum):
    """Who sends: Mailjet, one draft to a list and a segment; or our workers, a message for each contact."""

    MAILJET = "mailjet"
    WORKERS = "workers"


class CampaignState(StrEnum):
    """Where a campaign stands."""

    DRAFT = "draft"
    SCHEDULED = "scheduled"
    SENDING = "sending"
    PAUSED = "paused"
    SENT = "sent"
    CANCELLED = "cancelled"


#: The note of a draft whose making at Mailjet was cut short; whoever made it was told.
UNFINISHED = "its draft at Mailjet is not complete"
#: How the note of a scheduled campaign begins that cannot be asked about at its time.
NOT_ASKED = "Mailjet cannot be asked"
#: How that of one begins that Mailjet should have sent, and so long after its time.
NOT_SENT, SENT_WITHIN = "Mailjet does not say that it has sent it", timedelta(hours=1)
#: So long after its time a campaign of our own lane still begins by itself.
LATEST_START = timedelta(days=1)

S = CampaignState
#: From each state, where a campaign may go.
MOVES: Mapping[CampaignState, frozenset[CampaignState]] = {
    S.DRAFT: frozenset({S.SCHEDULED, S.SENDING, S.CANCELLED}),
    S.SCHEDULED: frozenset({S.DRAFT, S.SENDING, S.SENT, S.CANCELLED}),
    S.SENDING: frozenset({S.PAUSED, S.SENT, S.CANCELLED, S.DRAFT}),
    S.PAUSED: frozenset({S.SENDING, S.CANCELLED}),
    S.SENT: frozenset(),
    S.CANCELLED: frozenset(),
}


@dataclass(frozen=True, slots=True)
class CampaignSpec:
    """A campaign as it was asked for, checked but for its segment."""

    name: str
    segment: str
    contact_type: str
    way: CampaignChannel
    content: Mapping[str, Any]


def check_campaign(
    raw: Mapping[str, Any],
    kinds: Mapping[str, Kind],
    properties: Collection[str],
    defaults: Mapping[str, str],
) -> CampaignSpec:
    """A campaign from what was asked. Raises BadInput with every fault.

    With a `kind` the workers send it; else Mailjet does, from `html`, `text` or `template_id`. `defaults` are
    the configuration's from_email, from_name and locale.
    """
    if faults := json_faults(raw, "campaign"):
        raise BadInput(faults)
    if not isinstance(raw, Mapping):
        raise BadInput("campaign: write an object with name, segment, and what it sends.")
    JsonFields(raw, faults).refuse_unknown(FIELDS, "a campaign")
    given = {name: value for name, value in raw.items() if value is not None and value != ""}
    fields = JsonFields(given, faults)
    name = fields.line("name", MAX_NAME, required=True)
    contact_type = fields.line("contact_type", MAX_CONTACT_TYPE)
    for one in ("segment", "html", "text"):
        if not isinstance(given.get(one, ""), str):
            fields.fault(one, "must be text")
    segment = str(given.get("segment", "")).strip()
    if bool(segment) == bool(fields.flag("everybody")):
        faults.append("segment: write an expression, or give everybody (--everybody); not both.")
    way = CampaignChannel.WORKERS if given.get("kind") else CampaignChannel.MAILJET
    content = (
        _personal(given, kinds, properties, faults)
        if way is CampaignChannel.WORKERS
        else _draft({**defaults, **given}, faults)
    )
    if faults:
        raise BadInput(faults)
    return CampaignSpec(name, segment, contact_type, way, content)


def variable_sources(kind: Kind, values: Mapping[str, Any]) -> dict[str, str]:
    """For each of the kind's variables that a contact gives: the property, or `email`, or `name`."""
    return {one.name: one.name.lower() for one in kind.variables if one.name not in values}


def send_time(text: str, zone: ZoneInfo, now: datetime) -> datetime:
    """A time on the operator's clock, `2026-12-01 09:00`, in UTC. BadInput where it cannot be meant."""
    try:
        moment = datetime.fromisoformat(text)
        local = moment if moment.tzinfo else moment.replace(tzinfo=zone)
        utc = local.astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        raise BadInput("at: write a time like 2026-12-01 09:00.") from None
    if moment.tzinfo is None:
        if utc.astimezone(zone).replace(tzinfo=None) != moment:
            raise BadInput(f"at: the clocks of {zone.key} skip this time; choose an hour later.")
        if local.replace(fold=1).utcoffset() != local.utcoffset():
            raise BadInput(f"at: {zone.key} has this time twice; write it with its offset, like +01:00.")
    if utc <= now + timedelta(minutes=1):
        raise BadInput("at: lies in the past, or is too near; send it now instead.")
    if utc > now + timedelta(days=366):
        raise BadInput("at: is more than a year away; look at the year.")
    return utc


def demand_move(state: str, target: CampaignState, name: str) -> None:
    """BadInput where a campaign in this state cannot become that."""
    if target not in MOVES[CampaignState(state)]:
        raise BadInput(f"{name}: is {state}, so it cannot become {target}.")


def _draft(given: Mapping[str, Any], faults: list[str]) -> dict[str, Any]:
    fields = JsonFields(given, faults)
    content: dict[str, Any] = {
        "subject": fields.line("subject", MAX_SUBJECT, required=True),
        "from_name": fields.line("from_name", MAX_SUBJECT),
        "locale": given.get("locale") or "fr_FR",
    }
    if not _LOCALE.fullmatch(str(content["locale"])):
        fields.fault("locale", "must be a language with its country, as fr_FR")
    try:
        content["from_email"] = contact_address(given.get("from_email"))
    except ValueError:
        faults.append(
            "from_email: give the sender's address, here or in contacts.campaigns of crm_config.yaml."
        )
    template, written = given.get("template_id"), given.get("html") or given.get("text")
    if bool(template) == bool(written):
        faults.append("template_id, html: give exactly one of them.")
    if template and (not isinstance(template, int) or isinstance(template, bool) or template < 1):
        faults.append("template_id: is the whole number of a template at Mailjet.")
    if given.get("values"):
        faults.append('values: belong to a kind; in Mailjet\'s own campaigns write [[data:city:""]].')
    content |= {name: given.get(name) or "" for name in ("html", "text")} | {"template_id": template}
    return content


def _personal(
    given: Mapping[str, Any], kinds: Mapping[str, Kind], properties: Collection[str], faults: list[str]
) -> dict[str, Any]:
    own = {"subject", "html", "text", "template_id", "from_email", "from_name"} & given.keys()
    faults += [f"{name}: the kind's block in crm_config.yaml says it." for name in sorted(own)]
    kind = kinds.get(str(given["kind"]))
    values = given.get("values") or {}
    if not isinstance(values, Mapping):
        faults.append('values: write an object, {"name": "value"}.')
        values = {}
    if kind is None:
        hint = did_you_mean(str(given["kind"]), kinds) or "."
        faults.append(f"kind: there is no {printable_name(given['kind'])}{hint}")
        return {}
    if kind.service:
        faults.append(
            f"kind: {kind.name} is service mail, which passes an unsubscribe; make a kind of its own with "
            "`service: false`."
        )
    known = {*properties, *OWN_WORDS}
    own_names = [variable.name for variable in kind.variables]
    faults += [
        f"values: {kind.name} has no variable {printable_name(name)}{did_you_mean(name, own_names) or '.'}"
        for name in values
        if kind.variable(name) is None
    ]
    faults += [
        f"kind: its variable {name} is no contact's property{did_you_mean(name, known) or ';'} or give it in "
        "values."
        for name, source in variable_sources(kind, values).items()
        if source not in known and name in kind.required
    ]
    secret = sorted(kind.secrets)
    faults += [f"kind: its variable {name} is a secret, which no campaign knows." for name in secret]
    return {"kind": kind.name, "values": dict(values)}


def key_of(campaign_id: str, contact_id: str) -> str:
    """The idempotency key of a campaign's message: each contact gets it once, whatever its address."""
    return f"{_CAMPAIGN}{campaign_id}:{contact_id}"


def contact_in_key(key: str) -> tuple[str, str] | None:
    """The campaign and the contact that a message's key names; None for a key of other mail."""
    campaign, colon, contact = first_key(key).removeprefix(_CAMPAIGN).partition(":")
    return (campaign, contact) if key.startswith(_CAMPAIGN) and colon else None


def key_of_test(campaign_id: str, unique: str) -> str:
    """The idempotency key of a campaign's test mail."""
    return f"{_TEST}{campaign_id}:{unique}"


def purpose_of(row: Mapping[str, Any], kind: Kind) -> Purpose:
    """What a message is for, by its key and its kind."""
    if contact_in_key(row["idempotency_key"]) is not None:
        return Purpose.CAMPAIGN
    if row["idempotency_key"].startswith(_TEST):
        return Purpose.TEST
    return Purpose.SERVICE if kind.service else Purpose.MARKETING
