"""All that the product asks of Mailjet, and all that the local Mailjet answers, fits Mailjet's own description."""

import importlib
import inspect
import json
import pkgutil
import subprocess
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mailworker import mailjet as mailjet_package
from mailworker.core.masked_secret import Secret
from mailworker.core.message import Address, Attachment, Mail
from mailworker.mailjet import (
    account_checks,
    account_counters,
    campaigns,
    contact_calls,
    contact_queries,
    message_resource,
    webhook_registration,
)
from mailworker.mailjet.contact_calls import ListAction, MailjetContact
from mailworker.mailjet.gateway import Gateway, MailjetAccess, RestCall
from tests.contract.conftest import environment
from tests.contract.rest_description import FACTS
from tests.contract.send_reference import Message

pytestmark = pytest.mark.integration


@pytest.fixture
def gateway(mailjet):
    return Gateway(MailjetAccess(Secret(mailjet.settings.api_key), mailjet.settings.api_secret, mailjet.url))


def mail(number):
    return Mail(
        id=f"m-{number}",
        kind="api_crmCommunicationsBalanceLow",
        from_=Address("news@example.com", "News"),
        to=Address("claire@exämple.fr", "Claire"),
        template_id=5977516,
        subject="S",
        variables={"customer_name": "C"},
        cc=(Address("c@example.com"),),
        attachments=(Attachment("a.pdf", "application/pdf", "JVBERg=="),),
    )


def test_mail(described, mailjet, gateway):
    gateway.send([mail(1), mail(2)], call_id=str(uuid.uuid4()))
    gateway.send([mail(3)], call_id=str(uuid.uuid4()), sandbox=True)
    now = datetime.now(UTC)
    assert message_resource.find_by_custom_id(gateway, "m-1")
    list(message_resource.list_between(gateway, now - timedelta(hours=1), now + timedelta(hours=1)))
    account_counters.account_counters(gateway, since=now - timedelta(days=1), until=now)


def test_what_the_doctor_asks(described, mailjet, gateway):
    account_checks.key_faults(gateway)
    account_checks.sender_faults(gateway, {"news@example.com"})
    account_checks.domain_faults(gateway, {"news@example.com"})
    account_checks.template_faults(gateway, {5977516})
    url = "http://127.0.0.1:9/mailjet/events"
    account_checks.webhook_faults(gateway, url)
    account_checks.webhook_login_faults(gateway, ("mailjet", Secret("x")))
    account_checks.opt_out_faults(gateway, ("mailjet", Secret("x")))
    for wanted in (url, f"{url}/2"):
        known = webhook_registration.callbacks(gateway)
        webhook_registration.write(gateway, webhook_registration.changes(known, wanted))


def test_contacts(described, mailjet, gateway):
    contact_calls.create_property(gateway, "city", "str")
    contact_calls.property_types(gateway)
    list_id = contact_calls.create_list(gateway, "Clients")
    contact_calls.list_ids(gateway)
    person = MailjetContact("a@example.com", "A", {"city": "Lyon"}, excluded=True)
    number = contact_calls.manage_contact(gateway, list_id, person)
    contact_calls.manage_contact(gateway, list_id, person, action=ListAction.UNSUBSCRIBE)
    job = contact_calls.start_import(gateway, [person], [list_id])
    contact_calls.import_job(gateway, job)
    wrong = [MailjetContact("nobody"), MailjetContact("b@example.com", properties={"nowhere": "x"})]
    failed = contact_calls.start_import(gateway, wrong, [list_id])
    assert contact_calls.import_job(gateway, failed).has_error_file
    assert contact_calls.import_errors(gateway, failed)
    contact_calls.exclude_from_campaigns(gateway, number, excluded=False)
    found = contact_queries.contact_at(gateway, "a@example.com")
    assert found is not None
    assert found.id == number
    contact_queries.list_recipients_of(gateway, number)
    list(contact_queries.unsubscribed(gateway))
    contact_queries.properties_of(gateway, number)
    list(contact_queries.members(gateway, list_id))
    contact_calls.erase_contact(gateway, number)


def test_campaigns(described, mailjet, gateway):
    list_id = contact_calls.create_list(gateway, "Clients")
    for name in ("a", "b"):
        contact_calls.manage_contact(gateway, list_id, MailjetContact(f"{name}@example.com"))
    contact_calls.create_property(gateway, "age", "int")
    segment = campaigns.create_segment(gateway, "S", "((not IsProvided(age)))")
    draft = campaigns.CampaignDraft(
        "T", "Offre", Address("us@example.com", "Us"), list_id, segment_id=segment
    )
    number = campaigns.create_draft(gateway, draft)
    campaigns.set_content(gateway, number, html="<p>x</p>", text="x")
    campaigns.send_test(gateway, number, [Address("me@exämple.fr", "Me")])
    campaigns.schedule_draft(gateway, number, datetime.now(UTC) + timedelta(days=1))
    campaigns.cancel_schedule(gateway, number)
    campaigns.send_draft(gateway, number)
    assert campaigns.draft_status(gateway, number)
    campaign = campaigns.campaign_id(gateway, number)
    campaigns.counters(gateway, campaign)
    contact_queries.template_content(gateway, 5977516)
    assert mailjet.mails[0].to == ("me@xn--exmple-cua.fr",)


def test_what_a_reader_sees_of_every_resource(described, mailjet, gateway):
    gateway.send([mail(1)], call_id=str(uuid.uuid4()))
    contact_calls.create_list(gateway, "L")
    contact_calls.create_property(gateway, "p", "str")
    resources = (
        "apikey",
        "contact",
        "contactdata",
        "contactmetadata",
        "contactslist",
        "listrecipient",
        "message",
    )
    for resource in (
        *resources,
        "myprofile",
        "user",
        "template",
        "eventcallbackurl",
        "campaigndraft",
        "contactfilter",
    ):
        gateway.rest(RestCall(resource))
    gateway.rest(RestCall("sender", filters={"Email": "a@example.com"}))
    gateway.rest(RestCall("dns", id="example.com"))


def test_no_call_to_mailjet_is_left_out():
    """Every function of the package that is given a gateway is called above."""
    here = Path(__file__).read_text(encoding="utf-8")
    for module in pkgutil.iter_modules(mailjet_package.__path__, "mailworker.mailjet."):
        for name, function in vars(importlib.import_module(module.name)).items():
            own = (
                inspect.isfunction(function)
                and function.__module__ == module.name
                and not name.startswith("_")
            )
            if own and "gateway" in inspect.signature(function).parameters and name != "pages":
                assert f"{name}(" in here, f"{module.name}.{name}"


def description(simulator):
    """An OpenAPI document of the facts, for what the local Mailjet models."""
    answers = {str(status): {"description": ""} for status in (200, 201, 204, 304, 400, 401, 404, 405)}
    kinds = {
        "int": "integer",
        "bool": "boolean",
        "float": "number",
        "str": "string",
        "list": "array",
        "any": "string",
    }
    paths = {}
    for resource, facts in FACTS.items():
        filters = [
            {"name": name, "in": "query", "schema": {"type": kinds[kind]}}
            for name, kind in facts["filters"].items()
            if resource != "message"
            or name in ("CustomID", "Contact", "FromTS", "ToTS", "Limit", "Offset", "Sort", "countOnly")
        ]
        row = {name: {"type": kinds[kind]} for name, kind in facts["row"].items()}
        body = {"content": {"application/json": {"schema": {"type": "object", "properties": row}}}}
        number = [{"name": "id", "in": "path", "required": True, "schema": {"type": "integer", "minimum": 1}}]
        paths[f"/v3/REST/{resource}"] = {"get": {"parameters": filters, "responses": answers}}
        paths[f"/v3/REST/{resource}/{{id}}"] = {"get": {"parameters": number, "responses": answers}}
        if resource in (
            "contact",
            "contactfilter",
            "contactmetadata",
            "contactslist",
            "campaigndraft",
            "template",
            "sender",
            "eventcallbackurl",
            "listrecipient",
        ):
            paths[f"/v3/REST/{resource}"]["post"] = {"requestBody": body, "responses": answers}
            paths[f"/v3/REST/{resource}/{{id}}"]["put"] = {
                "parameters": number,
                "requestBody": body,
                "responses": answers,
            }
    for gone in (
        "/v3/REST/messagehistory",
        "/v3/REST/messageinformation",
        "/v3/REST/dns",
        "/v3/REST/statcounters/{id}",
        "/v3/REST/apikey/{id}",
        "/v3/REST/myprofile/{id}",
        "/v3/REST/user/{id}",
    ):
        del paths[gone]
    message = {"type": "object", "properties": {name: {} for name in Message.model_fields}}
    call = {
        "type": "object",
        "properties": {"Messages": {"type": "array", "items": message}, "Globals": message},
    }
    send = {
        "requestBody": {"content": {"application/json": {"schema": call}}},
        "responses": {**answers, "403": {"description": ""}},
    }
    info = {"title": "Mailjet", "version": "3"}
    return {
        "openapi": "3.1.0",
        "info": info,
        "servers": [{"url": simulator.url}],
        "paths": {**paths, "/v3.1/send": {"post": send}},
    }


def test_schemathesis_finds_no_call_that_makes_the_local_mailjet_stumble(mailjet, tmp_path):
    program = environment("schemathesis") / "bin" / "schemathesis"
    document = tmp_path / "openapi.json"
    document.write_text(json.dumps(description(mailjet)), encoding="utf-8")
    pair = f"{mailjet.settings.api_key}:{mailjet.settings.api_secret.reveal()}"
    done = subprocess.run(
        [program, "run", document, "--url", mailjet.url, "--auth", pair, "--phases", "fuzzing", "--max-examples", "3",
         "--checks", "not_a_server_error,status_code_conformance", "--seed", "1", "--no-color"],
        capture_output=True, text=True, timeout=110, check=False, cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-500:]
