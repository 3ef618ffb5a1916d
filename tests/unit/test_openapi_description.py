"""What is read from an installation's OpenAPI document: each part for itself, spelled in every way it may be."""

import pytest

from mailworker.crm.openapi import described


def listing(schema, **more):
    return {"get": {"responses": {"200": {"schema": schema}}} | more}


def records(*names, **nested):
    inner = {
        name: {"properties": {one: {"type": "string"} for one in fields}} for name, fields in nested.items()
    }
    return {"type": "object", "properties": {name: {"type": "string"} for name in names} | inner}


def fields_of(question, path, record):
    return described({"paths": {path: listing({"type": "array", "items": record})}}).fields.get(question)


@pytest.mark.parametrize(
    ("question", "path", "record", "fields"),
    [
        ("invoices", "/invoice", records("invoice_id", "currency"), {}),
        ("invoices", "/invoice", records("id", "number"), {"invoice_id": "id"}),
        (
            "invoices",
            "/invoice",
            records("invoice_number", "number", "invoice_status"),
            {"number": "invoice_number", "status": "invoice_status"},
        ),
        (
            "invoices",
            "/invoice",
            records(client=["email", "name", "customer_id"]),
            {"email": "client.email", "customer_name": "client.name", "customer_id": "client.customer_id"},
        ),
        (
            "invoices",
            "/invoice",
            records("total_amount", "total_tax"),
            {"total": "total_amount + total_tax", "owed": "total_amount + total_tax"},
        ),
        ("invoices", "/invoice", records("total_amount", "id"), {"invoice_id": "id"}),
        ("customers", "/customer", records("total_amount", "total_tax", "id"), {"customer_id": "id"}),
        (
            "services",
            "/service",
            records("uuid", "end_date"),
            {"service_uuid": "uuid", "ends_at": "end_date"},
        ),
        (
            "contacts",
            "/contact",
            records("contact_types", "contact_email"),
            {"contact_type": "contact_types", "email": "contact_email"},
        ),
        ("invoices", "/invoice", {"type": "object"}, None),
    ],
)
def test_a_field_is_found_under_the_names_that_it_may_have(question, path, record, fields):
    assert fields_of(question, path, record) == fields


#: What each of our columns may be called in a description, the manual's name first.
NAMES = {
    "invoices": """invoice_id id | customer_id customer.customer_id client.customer_id | number: invoice_number number |
        due_date invoice_due_date | issue_date: date created invoice_date | status invoice_status |
        email client.email customer.email | customer_name client.name customer.customer_name | currency""",
    "customers": "customer_id id | name: customer_name name | updated_at: last_modified updated_at",
    "contacts": """contact_id id | customer_id | name: contact_name name | email: contact_email email |
        contact_type contact_types type""",
    "services": """service_uuid uuid | service_id id | customer_id | service_name name | status: service_status status |
        ends_at: service_end_date end_date""",
}


def columns():
    for question, text in NAMES.items():
        for column in text.split("|"):
            ours, _, names = column.rpartition(":")
            candidates = names.split()
            yield question, ours.strip() or candidates[0], candidates


@pytest.mark.parametrize(("question", "ours", "names"), list(columns()))
def test_each_column_under_each_of_its_names(question, ours, names):
    path = f"/{question.removesuffix('s')}"
    for name in names:
        within, _, inner = name.rpartition(".")
        fields = fields_of(question, path, records(**{within: [inner]}) if within else records(name))
        assert fields.get(ours, ours) == name
    one = described({"paths": {path: listing({"type": "array", "items": records("other")})}})
    assert f"fields.{question}.{ours}: none of {', '.join(names)} is in a record" in one.missing


def test_what_is_owed_is_guessed_for_invoices_alone_and_marked_as_a_guess():
    guess = "fields.invoices.owed: right for unpaid invoices; is there a field of what is left?"
    both = records("total_amount", "total_tax")
    for path, expected in (("/invoice", 1), ("/customer", 0), ("/service", 0), ("/contact", 0)):
        found = described({"paths": {path: listing({"type": "array", "items": both})}})
        assert found.missing.count(guess) == expected, path
    one = described({"paths": {"/invoice": listing({"type": "array", "items": records("total_amount")})}})
    assert guess not in one.missing


def test_each_column_that_no_field_fills_is_named_with_the_names_that_were_tried():
    found = described(
        {"paths": {"/customer": listing({"type": "array", "items": records("customer_id", "name")})}}
    )
    assert [one for one in found.missing if one.startswith("fields.")] == [
        "fields.customers.updated_at: none of last_modified, updated_at is in a record"
    ]


@pytest.mark.parametrize(
    ("paths", "unsaid"),
    [
        ({}, ["invoices", "customers"]),
        ({"/invoice": listing({})}, ["customers"]),
        ({"/customers/list": listing({})}, ["invoices"]),
        ({"/invoice/": listing({}), "/customer/all": listing({})}, []),
    ],
)
def test_lists_that_are_missing_are_named(paths, unsaid):
    found = described({"paths": paths})
    assert [one for one in found.missing if one.startswith("lists.")] == [
        f"lists.{question}: no GET path lists them" for question in unsaid
    ]


@pytest.mark.parametrize(
    ("schema", "kept_in"),
    [
        ({"type": "array", "items": records("id")}, ""),
        ({"properties": {"total": {"type": "integer"}, "data": {"type": "array"}}}, "data"),
        ({"properties": {"total": {"type": "integer"}}}, None),
        ({}, None),
    ],
)
def test_where_a_list_keeps_its_records(schema, kept_in):
    assert described({"paths": {"/invoice": listing(schema)}}).records_field == kept_in


def test_the_first_list_that_says_where_records_are_speaks_for_all():
    paths = {
        "/invoice": listing({}),
        "/customer": listing({"properties": {"rows": {"type": "array"}}}),
        "/service": listing({"properties": {"items": {"type": "array"}}}),
    }
    assert described({"paths": paths}).records_field == "rows"


@pytest.mark.parametrize(
    ("parameters", "page", "size"),
    [
        ([{"name": "Page", "in": "query"}, {"name": "perPage", "in": "query"}], "Page", ""),
        ([{"name": "p", "in": "query"}, {"name": "LIMIT", "in": "query"}], "p", "LIMIT"),
        ([{"name": "page", "in": "path"}, {"name": "limit", "in": "header"}], "", ""),
        ([{"$ref": "#/parameters/size"}, "odd"], "", "size"),
        (None, "", ""),
    ],
)
def test_how_a_list_counts_its_pages(parameters, page, size):
    document = {
        "paths": {"/invoice": listing({}, parameters=parameters)},
        "parameters": {"size": {"name": "size", "in": "query"}},
    }
    found = described(document)
    assert (found.page_parameter, found.size_parameter) == (page, size)


def test_the_first_list_that_names_pages_speaks_for_all():
    paths = {
        "/invoice": listing({}),
        "/customer": listing(
            {}, parameters=[{"name": "page", "in": "query"}, {"name": "size", "in": "query"}]
        ),
        "/service": listing({}, parameters=[{"name": "p", "in": "query"}, {"name": "limit", "in": "query"}]),
    }
    found = described({"paths": paths})
    assert (found.page_parameter, found.size_parameter) == ("page", "size")


@pytest.mark.parametrize(
    ("schemes", "header"),
    [
        ({"a": {"type": "apiKey", "in": "header", "name": "X-Key"}}, "X-Key"),
        ({"a": {"type": "apiKey", "in": "query", "name": "key"}}, ""),
        ({"a": {"type": "http", "in": "header", "name": "X-Key"}}, ""),
        ({"a": {"type": "apiKey", "in": "header", "name": "AUTHORIZATION"}}, ""),
        ({"a": "odd", "b": {"type": "apiKey", "in": "header", "name": "Key"}}, "Key"),
        (["odd"], ""),
    ],
)
@pytest.mark.parametrize("version", [2, 3])
def test_the_header_of_the_api_key(schemes, header, version):
    document = (
        {"securityDefinitions": schemes} if version == 2 else {"components": {"securitySchemes": schemes}}
    )
    found = described(document)
    assert found.api_key_header == header
    assert any(one.startswith("api_key_header") for one in found.missing) == (not header)


@pytest.mark.parametrize(
    ("document", "base"),
    [
        ({"basePath": "/crm/"}, "/crm"),
        ({"servers": [{"url": "https://crm.example/api/crm"}]}, "/api/crm"),
        ({"servers": [{"url": "/crm"}]}, "/crm"),
        ({"servers": ["odd"]}, ""),
        ({"servers": []}, ""),
        ({"servers": "odd"}, ""),
        ({}, ""),
    ],
)
def test_what_stands_before_all_paths(document, base):
    found = described(
        document
        | {"paths": {"/invoice": listing({}), "/auth/login": {"post": {}}, "/auth/refresh": {"post": {}}}}
    )
    assert found.lists == {"invoices": f"{base}/invoice"}
    assert (found.login_path, found.refresh_path) == (f"{base}/auth/login", f"{base}/auth/refresh")


def test_only_a_path_that_is_read_lists_and_only_one_that_is_posted_logs_in():
    paths = {
        "/invoice": {"post": {}},
        "/auth/login": {"get": {}},
        "/customer": {"get": "odd"},
        "/service": None,
    }
    found = described({"paths": paths})
    assert (found.lists, found.login_path, found.refresh_path) == ({}, "", "")


@pytest.mark.parametrize(
    ("paths", "lists", "items"),
    [
        (["/invoice", "/crm/invoices/list"], {"invoices": "/invoice"}, {}),
        (["/invoice/{id}"], {}, {"invoices": "/invoice/{id}"}),
        (["/invoice/invoice_id/{n}/"], {}, {"invoices": "/invoice/invoice_id/{id}/"}),
        (["/contact/{id}"], {}, {}),
        (["/contact/customer/{n}"], {}, {"contacts": "/contact/customer/{id}"}),
        (["/customer/invoice", "/invoice/customer"], {}, {}),
        (["/crm/v1/service"], {"services": "/crm/v1/service"}, {}),
        (["/{tenant}/service"], {}, {}),
    ],
)
def test_which_path_answers_which_question(paths, lists, items):
    found = described({"paths": {path: listing({}) for path in paths}})
    assert (found.lists, found.items) == (lists, items)


def test_a_record_without_a_list_is_read_where_it_stands_alone():
    found = described({"paths": {"/contact/customer/{n}": listing(records("id", "email"))}})
    assert found.fields == {"contacts": {"contact_id": "id"}}


@pytest.mark.parametrize(
    "responses",
    [
        {200: {"schema": {"$ref": "#/definitions/List"}}},
        {"200": {"$ref": "#/responses/List"}},
        {"200": {"content": {"application/json": {"schema": {"$ref": "#/definitions/List"}}}}},
        {"200": {"content": {"application/json": {"schema": {"$ref": "#/definitions/a~1b~0c"}}}}},
    ],
)
def test_a_schema_is_followed_through_its_references(responses):
    rows = {"properties": {"rows": {"type": "array", "items": {"$ref": "#/definitions/One"}}}}
    document = {
        "paths": {"/customer": {"get": {"responses": responses}}},
        "definitions": {"List": rows, "a/b~c": rows, "One": records("id")},
        "responses": {"List": {"schema": rows}},
    }
    found = described(document)
    assert (found.records_field, found.fields) == ("rows", {"customers": {"customer_id": "id"}})


@pytest.mark.parametrize(("hops", "kept_in"), [(1, ""), (10, ""), (11, None)])
def test_a_chain_of_references_ends(hops, kept_in):
    chain = {f"s{n}": {"$ref": f"#/definitions/s{n + 1}"} for n in range(hops)} | {
        f"s{hops}": {"type": "array", "items": records("id")}
    }
    found = described({"paths": {"/customer": listing({"$ref": "#/definitions/s0"})}, "definitions": chain})
    assert found.records_field == kept_in
