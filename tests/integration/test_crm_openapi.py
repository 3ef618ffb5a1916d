"""Paths, header and fields read from the installation's own OpenAPI document, and printed ready to use."""

import json

import pytest
import yaml

from mailworker.config.crm import CrmSettings, HttpSettings
from mailworker.crm import open_source
from mailworker.crm.openapi import described
from mailworker.crm.openapi_fetch import PATHS, fetch_description
from mailworker.crm.print_crm_block import http_block
from mailworker.errors import Misconfigured, Unreachable
from tests.integration.omnicrm import Crm, serving

pytestmark = pytest.mark.integration

INVOICE = {"type": "object", "properties": {
    "invoice_id": {"type": "integer"}, "customer_id": {"type": "integer"}, "invoice_number": {"type": "string"},
    "due_date": {"type": "string"}, "status": {"type": "string"}, "currency": {"type": "string"}, "date": {"type": "string"},
    "total_amount": {"type": "number"}, "total_tax": {"type": "number"},
    "client": {"$ref": "#/PLACE/Client"},
}}  # fmt: skip
CLIENT = {"type": "object", "properties": {"name": {"type": "string"}, "email": {"type": "string"}}}
PAGING = [{"name": "page", "in": "query"}, {"name": "per_page", "in": "query"}]


def answers(schema, version):
    return {"200": {"description": "", "schema": schema}} if version == 2 else {
        "200": {"description": "", "content": {"application/json": {"schema": schema}}}
    }  # fmt: skip


def document(version):
    place = "definitions" if version == 2 else "components/schemas"
    listed = {
        "type": "object",
        "properties": {
            "total": {"type": "integer"},
            "data": {"type": "array", "items": {"$ref": f"#/{place}/Invoice"}},
        },
    }
    schemas = json.loads(
        json.dumps({"Invoice": INVOICE, "Client": CLIENT, "Listed": listed}).replace("PLACE", place)
    )
    paths = {
        "/invoice/": {
            "get": {"parameters": PAGING, "responses": answers({"$ref": f"#/{place}/Listed"}, version)}
        },
        "/invoice/{invoice_id}": {"get": {"responses": answers({"$ref": f"#/{place}/Invoice"}, version)}},
        "/invoice/customer/{customer_id}": {"get": {"responses": {}}},
        "/customer/": {"get": {"responses": {}}, "post": {"responses": {}}},
        "/invoice/customer/": {"get": {"responses": {}}},
        "/a/invoice/": {"post": {"responses": {}}},
        "/customer/customer_id/{customer_id}": {"get": {"responses": {}}},
        "/contact/customer_id/{customer_id}": {"get": {"responses": {}}},
        "/auth/login": {"post": {"responses": {}}},
        "/auth/refresh": {"post": {"responses": {}}},
    }
    key = {"type": "apiKey", "in": "header", "name": "X-Omni-Key"}
    bearer = {"type": "apiKey", "in": "header", "name": "Authorization"}
    if version == 2:
        return {"swagger": "2.0", "basePath": "/crm", "paths": paths, "definitions": schemas,
                "securityDefinitions": {"bearer": bearer, "key": key}}  # fmt: skip
    return {"openapi": "3.0.1", "servers": [{"url": "https://crm.example/crm"}], "paths": paths,
            "components": {"schemas": schemas, "securitySchemes": {"key": key}}}  # fmt: skip


@pytest.fixture
def server():
    crm = Crm()
    with serving(crm) as url:
        crm.url = url
        yield crm


def settings_of(server, **more):
    return HttpSettings(base_url=server.url, api_key="key", read_timeout="2s", **more)


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize("place", [*PATHS, "/crm/docs/v1/my-openapi.yaml"])
def test_it_is_found_in_several_places_and_what_it_says_works(server, version, place):
    text = json.dumps(document(version))
    server.documents["/crm/docs/"] = "<html><script>SwaggerUIBundle({url: 'v1/my-openapi.yaml'})</script>"
    server.documents[place] = text
    found_at, found = fetch_description(settings_of(server))
    assert found_at == place
    block = yaml.safe_load(http_block(server.url, place, described(found)))["crm"]
    http = block["http"]
    assert http["api_key_header"] == "X-Omni-Key"
    assert http["lists"] == {"invoices": "/crm/invoice/", "customers": "/crm/customer/"}
    assert http["items"]["invoices"] == "/crm/invoice/{id}"
    assert http["items"]["customers"] == "/crm/customer/customer_id/{id}"
    assert http["items"]["contacts"] == "/crm/contact/customer_id/{id}"
    assert http["refresh_path"] == "/crm/auth/refresh"
    assert (http["page_parameter"], http["size_parameter"], http["records_field"]) == (
        "page",
        "per_page",
        "data",
    )
    record = {"invoice_id": 1, "customer_id": 2, "invoice_number": "INV-1", "due_date": "2026-11-01", "status": "open",
              "currency": "EUR", "total_amount": 10.1, "total_tax": 2.02, "client": {"name": "Zoé", "email": "z@x.example"}}  # fmt: skip
    server.records["invoice"] = {"1": record}
    del http["api_key_header"]  # the stand-in knows another one
    crm = open_source(CrmSettings(**block | {"http": http | {"api_key": "key"}}))
    (page,) = crm.open_invoices()
    (one,) = page.records
    assert (str(one.owed), one.number, one.customer_name, one.email) == (
        "12.12",
        "INV-1",
        "Zoé",
        "z@x.example",
    )
    crm.close()


def test_what_the_document_does_not_say_is_said(server):
    text = http_block("https://crm.example", "/x", described({"swagger": "2.0", "paths": {}}))
    assert "# Not said: api_key_header" in text
    assert "# Not said: lists.invoices" in text


@pytest.mark.parametrize("raw", [{}, {"paths": 3}, {"paths": {"/invoice/": {"get": {"responses": {"200": {"schema": {"$ref": "#/x"}}}}}}, "x": {"$ref": "#/x"}}, {"paths": {"/invoice/": None}}])  # fmt: skip
def test_an_odd_document_breaks_nothing(raw):
    described(raw)


def test_no_document_is_a_sentence_with_the_places(server):
    with pytest.raises(Misconfigured, match=r"tried /crm/swagger\.json, .*Write crm\.http\.lists"):
        fetch_description(settings_of(server))


def test_a_page_of_a_proxy_is_no_document(server):
    for place in PATHS:
        server.documents[place] = "<html>Please log in</html>"
    with pytest.raises(Misconfigured, match="No OpenAPI document"):
        fetch_description(settings_of(server))


def test_a_crm_that_is_away_is_for_later():
    with pytest.raises(Unreachable):
        fetch_description(HttpSettings(base_url="http://127.0.0.1:9", api_key="k"))


@pytest.mark.parametrize(
    "answer", [{"requires_2fa": True, "user_id": 3}, {"message": "Enter your TOTP code"}]
)
def test_a_user_with_a_second_factor_is_refused_with_a_sentence(server, answer):
    server.answers.append((200, {}, json.dumps(answer).encode()))
    http = {"base_url": server.url, "email": "robot@crm.example", "password": "s3cret"}
    crm = open_source(CrmSettings(source="http", http=http))
    with pytest.raises(Misconfigured, match="second factor"):
        crm.invoice("1")
    crm.close()


def test_no_default_asks_for_balances():
    assert "balances" not in HttpSettings().lists | HttpSettings().items
