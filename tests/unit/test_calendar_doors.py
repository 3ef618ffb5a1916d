"""A date at the end of the calendar, or none at all, at every door: taken, or refused with a sentence."""

from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import example, given
from hypothesis import strategies as st

from mailworker.cli.message_commands.filters import Whom, narrowed
from mailworker.cli.scan_commands.start import _day as start_day
from mailworker.cli.shared_options import moment_of
from mailworker.config.builtin_kinds import INVOICE, KINDS
from mailworker.core.kind import VariableType
from mailworker.crm.cgrates.account import moment as account_moment
from mailworker.errors import BadInput
from mailworker.ledger.message_search import MessageFilter
from mailworker.mailjet.contact_queries import _moment as mailjet_moment
from mailworker.mailjet.parse_webhook import WebhookEvent, parse_events
from mailworker.rules.balance_key import read_balance_key
from mailworker.rules.campaign_rules import send_time
from mailworker.rules.contact_input import check_customer
from mailworker.rules.job.check_job import check_job
from mailworker.rules.property_values import PropertyType, typed
from mailworker.rules.segments import check_segment, holds
from mailworker.rules.segments.to_mailjet import for_mailjet
from mailworker.simulator.rfc3339 import moment as simulator_moment
from mailworker.simulator.rfc3339 import rfc3339
from mailworker.web.operators_page.list_query import read_list_query
from mailworker.wording import MailFacts, finished
from tests.random_input import INVOICE_BODY

NOW = datetime(2026, 11, 30, 9, tzinfo=UTC)
ZONES = st.sampled_from(["Europe/Paris", "Pacific/Kiritimati", "Etc/GMT+12", "America/New_York"]).map(
    ZoneInfo
)
ENDS = [
    "9999-12-31", "9999-12-31T23:59:59", "9999-12-31T23:59:59-12:00", "9999-12-31T23:59:59+14:00", "0001-01-01",
    "0001-01-01T00:00:00+14:00", "0001-01-01T00:00:00-12:00", "0000-00-00", "-0044-03-15", "10000-01-01", "2026-02-30",
    "20261231", "2026-W01", "99999999999999999999", "-62135596801", "1e400", "Infinity", "NaN", "", "2026-11-30T24:00:00",
    "2026-03-29T02:30:00", "2026-10-25T02:30:00", "٢٠٢٦-١١-٣٠", "36500d", "99999 jours", "999999",
]  # fmt: skip
TEXTS = (
    st.sampled_from(ENDS)
    | st.datetimes().map(datetime.isoformat)
    | st.deferred(lambda: st.datetimes(timezones=st.timezones())).map(datetime.isoformat)
    | st.dates().map(date.isoformat)
    | st.integers().map(str)
)


def answer(door, *arguments, **named):
    """What the door gives; None where it refuses with sentences."""
    faults = ()
    try:
        return door(*arguments, **named)
    except BadInput as refused:
        faults = refused.faults
    assert faults
    assert all(fault.endswith((".", "?")) for fault in faults), faults
    return None


def can_be_reckoned_with(moment):
    """A moment that every program here can move by some years and show anywhere."""
    assert moment.astimezone(ZoneInfo("Pacific/Kiritimati")) - timedelta(days=36_500) < moment
    assert moment.astimezone(ZoneInfo("Etc/GMT+12")) + timedelta(days=36_500) > moment


@given(TEXTS, TEXTS, st.sampled_from(sorted(KINDS)))
def test_a_jobs_own_times(send_at, expires_at, kind):
    job = {"kind": kind, "to": "a@b.fr", "variables": {}, "send_at": send_at, "expires_at": expires_at}
    answer(check_job, job, KINDS, now=NOW, language="fr")
    plain = {"kind": "api_crmCommunicationOurNews", "to": "a@b.fr", "variables": {}}
    for one in answer(check_job, plain | {"send_at": send_at}, KINDS, now=NOW, language="fr") or ():
        can_be_reckoned_with(one.send_at or NOW)


TEXT_VARIABLES = [
    (kind, variable.name)
    for kind in KINDS.values()
    for variable in kind.variables
    if variable.type in {VariableType.TEXT, VariableType.INTEGER}
]


@given(TEXTS, st.sampled_from(TEXT_VARIABLES), st.sampled_from(["fr", "en", "de"]), ZONES)
@example(
    "9999-12-31T23:59:59-12:00",
    (KINDS["api_crmCommunicationUserPasswordReset"], "expiry_time"),
    "fr",
    ZoneInfo("UTC"),
)
@example(
    "99999999999", (KINDS["api_crmCommunicationCustomerInvoiceReminder"], "days_left"), "fr", ZoneInfo("UTC")
)
def test_a_mails_variables_when_it_leaves(text, place, language, zone):
    kind, name = place
    variables = {one.name: "text" for one in kind.variables} | {"timing": "before", name: text}
    facts = MailFacts(language=language, to_email="a@b.fr", asked_at=NOW, zone=zone)
    assert finished(kind, variables, facts).keys() >= {name}


@given(TEXTS, st.sampled_from(["date", "due_date", "delivery_date", "period_start", "period_end", "paid_on"]))
def test_an_invoices_dates(text, name):
    job = {"kind": INVOICE, "variables": {}, "invoice": INVOICE_BODY | {name: text}}
    answer(check_job, job, KINDS, now=NOW, language="fr")


@given(TEXTS)
def test_a_contacts_property(text):
    try:
        value = typed(text, PropertyType.DATETIME)
    except ValueError:
        return
    if value is not None:
        assert len(str(value)) == len("2026-11-30T09:00:00Z"), "as Mailjet takes it"
        can_be_reckoned_with(datetime.fromisoformat(str(value)))


@given(st.integers().map(str) | st.sampled_from(["9" * 5000, "1" * 19, "-" + "9" * 19]))
def test_a_contacts_number(text):
    with suppress(ValueError):
        assert abs(typed(text, PropertyType.INT)) < 2**63


@given(TEXTS)
def test_a_customers_fields(text):
    contact = {"email": "ana@client.example", "custom_fields": {"since": text}, "updated_at": text}
    answer(check_customer, {"customer_id": "7", "contacts": [contact], "updated_at": text}, asked_at=NOW)


@given(TEXTS, TEXTS, TEXTS, st.integers(-(10**12), 10**12))
def test_a_segments_dates(low, high, kept, days):
    types = {"since": "datetime"}
    for text in (f'between(since, "{low}", "{high}")', f"in_next_days(since, {days})", f"in_last_days(since, {days})", f'since = "{low}"'):  # fmt: skip
        if segment := answer(check_segment, text, types):
            assert holds(segment, {"since": kept}, now=NOW) in {True, False}
            assert for_mailjet(segment, types)


@given(TEXTS, ZONES)
def test_a_campaigns_time(text, zone):
    if moment := answer(send_time, text, zone, NOW):
        assert NOW < moment <= NOW + timedelta(days=366)


TIMES = st.integers() | st.floats() | TEXTS | st.none() | st.booleans() | st.lists(st.integers(), max_size=1)


@given(st.lists(TIMES, min_size=1, max_size=4))
def test_an_events_time(times):
    found = parse_events([{"event": "open", "time": one} for one in times])
    assert len(found) == len(times)
    for one in found:
        if isinstance(one, WebhookEvent):
            can_be_reckoned_with(one.time)
            assert one.id


@given(TEXTS)
def test_what_mailjet_and_cgrates_say(text):
    if moment := mailjet_moment(text):
        can_be_reckoned_with(moment)
    answer(account_moment, text)


@given(TEXTS, ZONES)
def test_options_of_commands(text, zone):
    if moment := answer(moment_of, "--since", text, now=NOW, zone=zone):
        can_be_reckoned_with(moment)
    if day := answer(start_day, text):
        assert 1900 <= day.year <= 2200
    nobody = MessageFilter()
    if found := answer(narrowed, nobody, Whom(), since=text, until=text, zone=zone):
        can_be_reckoned_with(found.since)
        can_be_reckoned_with(found.before)


@given(TEXTS, TEXTS, ZONES)
def test_a_pages_query(one, other, zone):
    for asked in ({"since": one, "until": other}, {"before": one}):
        if query := answer(read_list_query, asked, KINDS):
            found = query.filter(zone)
            for moment in filter(None, (found.before, found.since)):
                can_be_reckoned_with(moment)


@given(TEXTS)
def test_a_balances_key(text):
    digits = "".join(filter(str.isdigit, text))[:14].ljust(14, "0")
    key = read_balance_key(f"balance-low:1:{digits[:8]}T{digits[8:]}Z")
    assert key is None or 1900 <= key.since.year <= 2200


@given(TEXTS)
def test_the_local_mailjet(text):
    if moment := simulator_moment(text):
        assert rfc3339(moment)
