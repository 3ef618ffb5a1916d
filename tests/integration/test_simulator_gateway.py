"""The product's own Mailjet room against the local Mailjet, through Mailjet's own client over HTTP."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from mailworker.errors import Misconfigured, Refused, Throttled, TooLarge, UnknownOutcome
from mailworker.mailjet import campaigns, contacts, health, lookup
from mailworker.mailjet.access import MailjetAccess
from mailworker.mailjet.gateway import Gateway
from mailworker.message import Address, Mail, Receipt
from mailworker.secrets import Secret
from mailworker.simulator import RunningSimulator, running

pytestmark = pytest.mark.integration


def free() -> None:
    """The token that every call takes: here they are all free."""


def mail(number: int = 1) -> Mail:
    return Mail(
        id=f"id-{number}",
        kind="api_crmCommunicationUserPasswordReset",
        from_=Address("noreply@example.com", "Support"),
        to=Address("claire@example.com", "Claire"),
        template_id=5977511,
        subject="Demande",
        variables={"user_name": "Claire", "reset_url": "https://x.example/r", "expiry_time": "15 h"},
    )


@pytest.fixture(scope="module")
def server() -> Iterator[RunningSimulator]:
    with running(calls_per_minute=0) as simulator:
        yield simulator


@pytest.fixture
def simulator(server: RunningSimulator) -> RunningSimulator:
    server.reset()
    return server


@pytest.fixture
def gateway(simulator: RunningSimulator) -> Iterator[Gateway]:
    settings = simulator.settings
    access = MailjetAccess(Secret(settings.api_key), settings.api_secret, simulator.url + "/", read_timeout=1)
    gateway = Gateway(access)
    yield gateway
    gateway.close()


def test_a_mail_is_sent_found_and_its_faults_are_named(simulator, gateway):
    (receipt,) = gateway.send([mail()], call_id="c")
    assert isinstance(receipt, Receipt)
    found = lookup.find_by_custom_id(gateway, simulator.mails[0].custom_id)
    assert found is not None
    assert found.message_id == receipt.message_id
    assert lookup.find_by_custom_id(gateway, "nobody") is None


@pytest.mark.parametrize(
    ("fault", "error", "stored"),
    [
        ("throttle_429", Throttled, 0),
        ("too_large_413", TooLarge, 0),
        ("unauthorized_401", Misconfigured, 0),
        ("error_500_before", UnknownOutcome, 0),
        ("error_500_after", UnknownOutcome, 1),
        ("error_502_html", UnknownOutcome, 0),
        ("reset_before", UnknownOutcome, 0),
        ("reset_after", UnknownOutcome, 1),
        ("accept_then_hang", UnknownOutcome, 1),
        ("truncated_json", UnknownOutcome, 1),
    ],
)
def test_each_fault_becomes_its_error_and_is_never_repeated(simulator, gateway, fault, error, stored):
    simulator.misbehave(fault, times=1)
    with pytest.raises(error):
        gateway.send([mail()], call_id="c")
    assert len(simulator.mails) == stored
    assert simulator.counts["calls"] == 1


def test_partial_failure_and_a_revoked_sender(simulator, gateway):
    simulator.misbehave("partial_failure", times=1)
    bad, good = gateway.send([mail(), mail()], call_id="c")
    assert isinstance(bad, Refused)
    assert isinstance(good, Receipt)
    simulator.misbehave("sender_revoked", times=1)
    assert isinstance(gateway.send([mail()], call_id="c")[0], Misconfigured)


def test_doctor_finds_nothing_wrong(simulator, gateway):
    assert health.key_faults(gateway, before_call=free) == []
    assert health.sender_faults(gateway, ["billing@example.com"], before_call=free) == []
    assert health.template_faults(gateway, simulator.settings.templates, before_call=free) == []
    assert health.webhook_faults(gateway, "http://127.0.0.1/events", before_call=free) != []


def test_contacts_lists_and_imports(gateway):
    contacts.create_property(gateway, "city", "str", before_call=free)
    assert contacts.property_types(gateway, before_call=free) == {"city": "str"}
    list_id = contacts.create_list(gateway, "Clients", before_call=free)
    assert contacts.list_ids(gateway, before_call=free) == {"Clients": list_id}
    claire = contacts.Contact("claire@example.com", "Claire", {"city": "Lyon"})
    number = contacts.manage_contact(gateway, list_id, claire, before_call=free)
    assert contacts.find_contact_id(gateway, "claire@example.com", before_call=free) == number
    with pytest.raises(Refused):
        contacts.manage_contact(
            gateway, list_id, contacts.Contact("x@example.com", "", {"nope": 1}), before_call=free
        )
    job = contacts.start_import(gateway, [claire, contacts.Contact("no")], [list_id], before_call=free)
    state = contacts.import_job(gateway, job, before_call=free)
    assert (state.state, state.has_error_file) == (contacts.ImportState.COMPLETED, True)
    assert len(contacts.import_errors(gateway, job, before_call=free)) == 1
    contacts.exclude_from_campaigns(gateway, number, excluded=True, before_call=free)
    contacts.erase_contact(gateway, number, before_call=free)
    assert contacts.find_contact_id(gateway, "claire@example.com", before_call=free) is None


def test_a_campaign_from_segment_to_figures(simulator, gateway):
    list_id = contacts.create_list(gateway, "Clients", before_call=free)
    for name in ("a", "b"):
        contacts.manage_contact(gateway, list_id, contacts.Contact(f"{name}@example.com"), before_call=free)
    segment = campaigns.create_segment(gateway, "all", "(not IsProvided(gone))", before_call=free)
    draft = campaigns.CampaignDraft(
        "T", "Offre", Address("us@example.com", "Us"), list_id, segment_id=segment
    )
    number = campaigns.create_draft(gateway, draft, before_call=free)
    with pytest.raises(Refused):
        campaigns.send_draft(gateway, number, before_call=free)
    campaigns.set_content(gateway, number, html="<p>Offre</p>", text="Offre", before_call=free)
    campaigns.send_test(gateway, number, [Address("me@example.com")], before_call=free)
    when = datetime.now(UTC) + timedelta(hours=1)
    campaigns.schedule_draft(gateway, number, when, before_call=free)
    assert campaigns.draft_status(gateway, number, before_call=free) is campaigns.DraftStatus.PROGRAMMED
    campaigns.cancel_schedule(gateway, number, before_call=free)
    campaigns.send_draft(gateway, number, before_call=free)
    assert campaigns.draft_status(gateway, number, before_call=free) is campaigns.DraftStatus.SENT
    campaign = campaigns.campaign_id(gateway, number, before_call=free)
    assert campaigns.counters(gateway, campaign, before_call=free).sent == 3
    assert len(simulator.mails) == 3
