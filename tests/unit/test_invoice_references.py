"""What an invoice names beside its sums: every field by each of its names, to its longest text, with its faults."""

from datetime import date

import pytest

from mailworker.invoices.from_json.fields import InvoiceFields
from mailworker.invoices.from_json.lines import item_facts_of
from mailworker.invoices.from_json.references import notes_of, payee_of, references_of
from mailworker.invoices.invoice_references import (
    NO_FACTS,
    EarlierInvoice,
    ItemFacts,
    Payee,
    References,
    SupportingDocument,
)


def read(reader, raw):
    """What the reader makes of it, and the faults."""
    faults = []
    return reader(InvoiceFields(raw, faults)), faults


@pytest.mark.parametrize(
    ("name", "attribute"),
    [
        ("purchase_order", "purchase_order"), ("order_number", "purchase_order"), ("sales_order", "sales_order"),
        ("buyer_reference", "buyer"), ("service_code", "buyer"), ("contract", "contract"),
        ("contract_number", "contract"), ("project", "project"), ("receiving_advice", "receipt"),
        ("despatch_advice", "despatch"), ("tender", "tender"), ("invoiced_object", "thing"),
        ("accounting_reference", "accounting"),
    ],
)  # fmt: skip
def test_each_reference_stands_in_its_own_place(name, attribute):
    assert read(references_of, {name: "R-1"}) == (References(**{attribute: "R-1"}), [])


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("purchase_order", "order_number"),
        ("buyer_reference", "service_code"),
        ("contract", "contract_number"),
    ],
)
def test_of_two_names_of_one_reference_the_first_counts(first, second):
    assert read(references_of, {first: "A", second: "B"}) == read(references_of, {first: "A"})
    assert read(references_of, {first: "", second: "B"}) == read(references_of, {second: "B"})


DAY = date(2026, 2, 1)
LISTED = {"invoice_number": "R-0", "date": "2026-02-01"}


@pytest.mark.parametrize(
    ("given", "earlier"),
    [
        (None, []),
        ("", []),
        ([], []),
        ("R-0", [EarlierInvoice("R-0")]),
        (7, [EarlierInvoice("7")]),
        (LISTED, [EarlierInvoice("R-0", DAY)]),
        ({"number": "R-0"}, [EarlierInvoice("R-0")]),
        ([LISTED, "R-00"], [EarlierInvoice("R-0", DAY), EarlierInvoice("R-00")]),
        (("R-00", "", LISTED), [EarlierInvoice("R-00"), EarlierInvoice("R-0", DAY)]),
        ("x" * 64, [EarlierInvoice("x" * 64)]),
        ({"number": "x" * 64}, [EarlierInvoice("x" * 64)]),
        ([str(number) for number in range(20)], [EarlierInvoice(str(number)) for number in range(20)]),
    ],
)
def test_earlier_invoices_in_any_of_their_shapes(given, earlier):
    found, faults = read(references_of, {"corrects": given})
    assert (list(found.earlier), faults) == (earlier, [])
    assert found.corrects == (earlier[0].number if earlier else "")


@pytest.mark.parametrize(
    ("given", "sentences"),
    [
        ({"date": "2026-01-01"}, "corrects.invoice_number is missing."),
        ([LISTED, {}], "corrects[1].invoice_number is missing."),
        ({"number": "x" * 65}, "corrects.number has 65 characters; the most is 64."),
        ("x" * 65, "corrects has 65 characters; the most is 64."),
        (["R-0", "x" * 65], "corrects[1] has 65 characters; the most is 64."),
        ({"number": "R-0", "date": "soon"}, "corrects.date must be a date such as 2026-01-31."),
        (["R-0"] * 21, "corrects has 21 entries; the most is 20."),
        ([True], "corrects[0] must be a text."),
    ],
)
def test_an_earlier_invoice_that_is_not_named_well(given, sentences):
    assert read(references_of, {"corrects": given})[1] == [sentences]


def test_proofs_are_named_described_and_linked():
    proofs = [
        {"id": "ZN-1", "description": "Hours", "url": "https://x.example/1"},
        {"number": "ZN-2", "name": "Photo"},
    ]
    found, faults = read(references_of, {"documents": proofs})
    assert found.documents == (
        SupportingDocument("ZN-1", "Hours", "https://x.example/1"),
        SupportingDocument("ZN-2", "Photo"),
    )
    assert faults == []


@pytest.mark.parametrize(
    ("proof", "sentences"),
    [
        ({"id": "x" * 100}, []),
        ({"id": "x" * 101}, ["documents[0].id has 101 characters; the most is 100."]),
        ({"name": "Photo"}, ["documents[0].id is missing."]),
        (
            {"id": "1", "url": "ftp://x.example"},
            ["documents[0].url must be a web address that starts with https://."],
        ),
    ],
)
def test_a_proof_needs_a_number(proof, sentences):
    assert read(references_of, {"documents": [proof]})[1] == sentences


def test_no_more_than_twenty_proofs_classes_and_attributes_are_read():
    many = [str(number) for number in range(30)]
    proofs = read(references_of, {"documents": [{"id": number} for number in many]})[0].documents
    classes = [{"code": number, "scheme": "STI"} for number in many]
    facts = read(item_facts_of, {"classifications": classes, "attributes": dict.fromkeys(many, "yes")})[0]
    assert [proof.number for proof in proofs] == many[:20]
    assert facts.classes == tuple((number, "STI", "") for number in many[:20])
    assert facts.attributes == tuple((number, "yes") for number in many[:20])


@pytest.mark.parametrize(
    ("raw", "notes"),
    [
        ({}, ()),
        ({"notes": "Thanks"}, (("Thanks", ""),)),
        ({"note": "Thanks"}, (("Thanks", ""),)),
        ({"notes": "A", "note": "B"}, (("A", ""),)),
        ({"notes": {"text": "Law", "subject": "abl"}}, (("Law", "ABL"),)),
        ({"notes": {"text": "Law"}}, (("Law", ""),)),
        ({"notes": ["Thanks", "", {"text": "Law", "subject": "REG"}]}, (("Thanks", ""), ("Law", "REG"))),
        ({"notes": ["x"] * 20}, (("x", ""),) * 20),
        ({"notes": ["x" * 1000, {"text": "y" * 1000}]}, (("x" * 1000, ""), ("y" * 1000, ""))),
    ],
)
def test_notes_and_their_subjects(raw, notes):
    assert read(notes_of, raw) == (notes, [])


@pytest.mark.parametrize(
    ("given", "sentences"),
    [
        ({"text": "x", "subject": "QQ"}, "notes.subject must be a code of UNTDID 4451, such as AAI"),
        ([{"subject": "AAI"}], "notes[0].text is missing."),
        (["x", "y" * 1001], "notes[1] has 1001 characters; the most is 1000."),
        ({"text": "y" * 1001}, "notes.text has 1001 characters; the most is 1000."),
        ({"text": "x", "subject": "A" * 11}, "notes.subject has 11 characters; the most is 10."),
        (["x"] * 21, "notes has 21 entries; the most is 20."),
    ],
)
def test_a_note_that_cannot_be_written(given, sentences):
    assert read(notes_of, {"notes": given})[1][0].startswith(sentences)


def test_whoever_is_paid_instead():
    assert read(payee_of, {}) == (None, [])
    raw = {
        "name": "Factor",
        "siren": "552 100 554",
        "iban": "de02 1203 0000 0000 2020 51",
        "bic": "byla dem1",
    }
    assert read(payee_of, {"payee": raw}) == (
        Payee("Factor", "552100554", "DE02120300000000202051", "BYLADEM1"),
        [],
    )
    assert read(payee_of, {"payee": {"name": "Factor"}}) == (Payee("Factor"), [])


@pytest.mark.parametrize(
    ("payee", "sentences"),
    [
        ({"siren": "552100554"}, ["payee.name is missing."]),
        ({"name": "x" * 100, "siren": " " * 11 + "552100554", "iban": "1" * 42, "bic": "B" * 14}, []),
        ({"name": "x" * 101}, ["payee.name has 101 characters; the most is 100."]),
        ({"name": "F", "siren": "5521005540"}, ["payee.siren must have nine digits (BT-61)."]),
        ({"name": "F", "siren": "55210055"}, ["payee.siren must have nine digits (BT-61)."]),
        ({"name": "F", "iban": "1" * 43}, ["payee.iban has 43 characters; the most is 42."]),
        ({"name": "F", "bic": "B" * 15}, ["payee.bic has 15 characters; the most is 14."]),
        ("Factor", ["payee must be an object."]),
    ],
)
def test_a_payee_that_cannot_be_written(payee, sentences):
    assert read(payee_of, {"payee": payee})[1] == sentences


@pytest.mark.parametrize(
    ("raw", "facts"),
    [
        ({}, NO_FACTS),
        ({"gtin": "40063813"}, ItemFacts(gtin="40063813")),
        ({"gtin": "4" * 12}, ItemFacts(gtin="4" * 12)),
        ({"gtin": "4" * 13}, ItemFacts(gtin="4" * 13)),
        ({"gtin": 10**13}, ItemFacts(gtin=str(10**13))),
        ({"buyer_product_id": "K-9"}, ItemFacts(buyer_item="K-9")),
        ({"origin_country": "France"}, ItemFacts(origin="FR")),
        ({"order_line": "10"}, ItemFacts(order_line="10")),
        ({"accounting_reference": "0815"}, ItemFacts(accounting="0815")),
        ({"classifications": [{"code": "1", "scheme": "sti"}]}, ItemFacts(classes=(("1", "STI", ""),))),
        (
            {"attributes": {" Colour ": "red", "": "x", "Size": ""}},
            ItemFacts(attributes=(("Colour", "red"),)),
        ),
        ({"attributes": {"x" * 101: "red"}}, ItemFacts(attributes=(("x" * 100, "red"),))),
    ],
)
def test_what_identifies_an_item(raw, facts):
    assert read(item_facts_of, raw) == (facts, [])


@pytest.mark.parametrize("most", [("buyer_product_id", 64), ("order_line", 64), ("accounting_reference", 64)])
def test_no_fact_of_an_item_is_longer_than_its_place(most):
    field, length = most
    assert read(item_facts_of, {field: "x" * length})[1] == []
    assert read(item_facts_of, {field: "x" * (length + 1)})[1] == [
        f"{field} has {length + 1} characters; the most is {length}."
    ]


@pytest.mark.parametrize(
    ("raw", "sentences"),
    [
        ({"gtin": "4" * 7}, "gtin must have 8, 12, 13 or 14 digits (BT-157)."),
        ({"gtin": "4" * 9}, "gtin must have 8, 12, 13 or 14 digits (BT-157)."),
        ({"gtin": "4" * 11}, "gtin must have 8, 12, 13 or 14 digits (BT-157)."),
        ({"gtin": "4" * 15}, "gtin has 15 characters; the most is 14."),
        ({"gtin": "4006381E"}, "gtin must have 8, 12, 13 or 14 digits (BT-157)."),
        ({"origin_country": "Nowhere"}, "origin_country must be a code of ISO 3166-1, such as FR (BT-159)."),
        ({"classifications": [{"code": "1", "scheme": "Q"}]}, "classifications[0].scheme must be a code of UNTDID 7143, such as"),
        ({"classifications": [{"code": "1"}]}, "classifications[0].scheme is missing."),
        ({"classifications": [{"scheme": "STI"}]}, "classifications[0].code is missing."),
        ({"classifications": [{"code": "x" * 65, "scheme": "STI"}]}, "classifications[0].code has 65 characters; the most is 64."),
        ({"attributes": {"Colour": ["red"]}}, "attributes.Colour must be a text."),
        ({"attributes": "red"}, "attributes must be an object."),
    ],
)  # fmt: skip
def test_what_does_not_identify_an_item(raw, sentences):
    (fault,) = read(item_facts_of, raw)[1]
    assert fault.startswith(sentences)


def test_a_class_at_its_longest_is_taken():
    assert read(item_facts_of, {"classifications": [{"code": "x" * 64, "scheme": "ZZZ"}]})[1] == []
    assert (
        read(item_facts_of, {"origin_country": "x" * 61})[1][0]
        == "origin_country has 61 characters; the most is 60."
    )
