"""The product's own Mailjet room against the local Mailjet, through Mailjet's own client over HTTP."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from mailworker.core.masked_secret import Secret
from mailworker.core.message import Address, Mail
from mailworker.core.settlement import Receipt
from mailworker.errors import Misconfigured, Refused, Throttled, TooLarge, UnknownOutcome
from mailworker.mailjet import account_checks, campaigns, contact_calls, contact_queries, message_resource
from mailworker.mailjet.credentials import MailjetAccess
from mailworker.mailjet.gateway import Gateway
from mailworker.simulator import RunningSimulator, running

pytestmark = pytest.mark.integration


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
    found = message_resource.find_by_custom_id(gateway, simulator.mails[0].custom_id)
    assert found is not None
    assert found.message_id == receipt.message_id
    assert message_resource.find_by_custom_id(gateway, "nobody") is None


@pytest.mark.parametrize(
    ("fault", "error", "stored"),
    [
        ("throttle_429", Throttled, 0),
        ("too_large_413", TooLarge, 0),
        ("unauthorized_401", Misconfigured, 0),
        ("suspended_401", Misconfigured, 0),
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
    bad, good = gateway.send([mail(1), mail(2)], call_id="c")
    assert isinstance(bad, Refused)
    assert isinstance(good, Receipt)
    simulator.misbehave("sender_revoked", times=1)
    assert isinstance(gateway.send([mail()], call_id="c")[0], Misconfigured)


def test_doctor_finds_nothing_wrong(simulator, gateway):
    assert account_checks.key_faults(gateway) == []
    assert account_checks.sender_faults(gateway, ["billing@example.com"]) == []
    assert account_checks.template_faults(gateway, simulator.settings.templates) == []
    assert account_checks.webhook_faults(gateway, "http://127.0.0.1/events") != []


def test_contacts_lists_and_imports(gateway):
    contact_calls.create_property(gateway, "city", "str")
    assert contact_calls.property_types(gateway) == {"city": "str"}
    list_id = contact_calls.create_list(gateway, "Clients")
    assert contact_calls.list_ids(gateway) == {"Clients": list_id}
    claire = contact_calls.MailjetContact("claire@example.com", "Claire", {"city": "Lyon"})
    number = contact_calls.manage_contact(gateway, list_id, claire)
    found = contact_queries.contact_at(gateway, "claire@example.com")
    assert found == contact_queries.KnownContact(number, "claire@example.com")
    with pytest.raises(Refused):
        contact_calls.manage_contact(
            gateway, list_id, contact_calls.MailjetContact("x@example.com", "", {"nope": 1})
        )
    job = contact_calls.start_import(gateway, [claire, contact_calls.MailjetContact("no")], [list_id])
    state = contact_calls.import_job(gateway, job)
    assert (state.state, state.has_error_file) == (contact_calls.ImportState.COMPLETED, True)
    assert len(contact_calls.import_errors(gateway, job)) == 1
    contact_calls.exclude_from_campaigns(gateway, number, excluded=True)
    contact_calls.erase_contact(gateway, number)
    assert contact_queries.contact_at(gateway, "claire@example.com") is None


def test_a_campaign_from_segment_to_figures(simulator, gateway):
    list_id = contact_calls.create_list(gateway, "Clients")
    for name in ("a", "b"):
        contact_calls.manage_contact(gateway, list_id, contact_calls.MailjetContact(f"{name}@example.com"))
    contact_calls.create_property(gateway, "gone", "str")
    segment = campaigns.create_segment(gateway, "all", "((not IsProvided(gone)))")
    draft = campaigns.CampaignDraft(
        "T", "Offre", Address("us@example.com", "Us"), list_id, segment_id=segment
    )
    number = campaigns.create_draft(gateway, draft)
    with pytest.raises(Refused):
        campaigns.send_draft(gateway, number)
    campaigns.set_content(gateway, number, html="<p>Offre</p>", text="Offre")
    campaigns.send_test(gateway, number, [Address("me@example.com")])
    when = datetime.now(UTC) + timedelta(hours=1)
    campaigns.schedule_draft(gateway, number, when)
    assert campaigns.draft_status(gateway, number) is campaigns.DraftStatus.PROGRAMMED
    campaigns.cancel_schedule(gateway, number)
    campaigns.send_draft(gateway, number)
    assert campaigns.draft_status(gateway, number) is campaigns.DraftStatus.SENT
    campaign = campaigns.campaign_id(gateway, number)
    assert campaigns.counters(gateway, campaign).sent == 2, "the test mail is none of them"
    assert len(simulator.mails) == 3
