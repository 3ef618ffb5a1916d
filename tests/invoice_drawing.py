"""Drawn invoices: everything that the model knows, in combinations that nobody would think of."""

from datetime import date, timedelta
from typing import Any

from hypothesis import strategies as st

from mailworker.invoices.code_lists import (
    _UNIT_CODES,
    ALLOWANCE_REASONS,
    CHARGE_REASONS,
    COUNTRIES,
    CURRENCIES,
    NOTE_SUBJECTS,
    PAYMENT_CODES,
    VATEX,
)
from mailworker.invoices.document_types import FRENCH_TYPES, KIND_OF_CODE

#: One in so many values of a field is odd: with all of them so, every invoice would be refused.
ODD = 25


def mostly(fine: st.SearchStrategy[Any], odd: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """The fine values, and now and then an odd one."""
    # Not the first or the last: Hypothesis likes these, and would draw the odd ones often.
    return st.integers(0, ODD).flatmap(lambda draw: odd if draw == ODD // 2 else fine)


def one(fine: list[Any], odd: list[Any]) -> st.SearchStrategy[Any]:
    """The same for values that stand in lists."""
    return mostly(st.sampled_from(fine), st.sampled_from(odd))


RATES = one(
    ["20", "10", "5.5", "2.1", "8.5", "1.05", "0", "0.9", "1.75", "7", "9.2", "9.6", "13", "19.6", "20.6"],
    ["19", "7.77", "19.999", None],
)
PLACES = st.one_of(
    one(["FR", "FR", "DE", "BE", "GP", "US", "GB", "GR", "XI", "France", "1A"], ["UK", "EL", "Atlantis", ""]),
    one(["FR"], [*sorted(COUNTRIES), "SS"]),
)
MONEY = st.one_of(
    one(["EUR", "EUR", "USD", "CHF", "JPY", "XPF", "GBP", "XAF"], ["TND", "DEM", "BGN", "HRK"]),
    one(["EUR"], [*sorted(CURRENCIES), "STN"]),
)
UNITS = ["", "h", "minutes", "SMS", "Go", "To", "mois", "KWH", "C62", "paquet de 12", "Événement", "s", "E34"]
NAMES = [
    "Boulangerie Lefèvre & Filles SARL",
    "محمد بن علي",
    "株式会社メール",
    "Наталья",
    "Ελένη",
    "A<b>&\"'",
    "x" * 300,
    "Nguyễn Thị Ánh",
    "เกียรติศักดิ์ 🙂",
    "שרה כהן",
    "अनिता",
]
DAYS = st.dates(date(2025, 1, 1), date(2027, 12, 31)).map(date.isoformat)
WORDS = st.sampled_from([*NAMES, "Forfait mobile", "a\u00a0b", "]]>", "-"])
#: Amounts as JSON brings them: texts, integers and floats, with zero, minus and many decimals.
QUANTITIES = mostly(
    st.one_of(st.integers(1, 50), st.decimals("0.01", "100000", places=4).map(str), st.just(1000000)),
    st.sampled_from([0, 0, -1, "-2.5", "0.00001", "1.123456", 0.1 + 0.2, 10**14, 10**10]),
)
PRICES = mostly(
    st.one_of(
        st.decimals("0", "5000", places=2).map(str),
        st.decimals("0", "2", places=8).map(str),
        st.sampled_from([19.9, 9.95 + 19.9 + 4.99, "0.00012345", "0.000001", "1e-8"]),
    ),
    st.one_of(st.decimals("-50", "0", places=2).map(str), st.sampled_from(["0", "1e14", 0.1 + 0.2])),
)


def _some(required: dict[str, Any], optional: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(required, optional=optional)


def _taxed() -> st.SearchStrategy[dict[str, Any]]:
    """The tax of a line or a discount: at a rate, or in one of the categories without."""
    free = _some(
        {"tax_rate": st.just("0"), "tax_category": st.sampled_from(["Z", "E", "E", "AE"])},
        {
            "exemption_code": one(
                ["VATEX-FR-FRANCHISE", "VATEX-EU-132", "VATEX-FR-CGI261-1"], ["VATEX-NO", *sorted(VATEX)]
            ),
            "exemption_reason": st.sampled_from(["Article 261 C du CGI", "TVA non applicable"]),
        },
    )
    rated = st.fixed_dictionaries({"tax_rate": RATES})
    odd = _some({"tax_category": st.sampled_from(["S", "K", "O", "E", "G", "L", "M"])}, {"tax_rate": RATES})
    return mostly(st.one_of(rated, rated, free), odd)


def _allowance(codes: frozenset[str], odd: list[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """A discount or charge: an amount, or a share of one."""
    amount = st.fixed_dictionaries({"amount": one(["0.00", "5.00", "12.345", 3], odd)})
    share = st.fixed_dictionaries({"percent": st.sampled_from([0, "2.5", 10, 100])})
    based = st.fixed_dictionaries({"percent": st.sampled_from(["2.5", 10]), "base_amount": PRICES})
    words = _some({"description": WORDS}, {"reason_code": one(sorted(codes), ["XX"])})
    return st.tuples(st.one_of(amount, amount, based, mostly(based, share)), words).map(
        lambda both: both[0] | both[1]
    )


def _line() -> st.SearchStrategy[dict[str, Any]]:
    fields = _some(
        {"description": WORDS, "unit_price": PRICES},
        {
            "quantity": QUANTITIES,
            "unit": st.sampled_from(UNITS) | st.sampled_from(sorted(_UNIT_CODES)),
            "discount": one(["0", "0.00", "1.50"], ["-2", "9999999"]),
            "discount_reason": WORDS,
            "charge": one(["0.00", "2.50"], ["-1"]),
            "charge_reason": WORDS,
            "discounts": st.lists(_allowance(ALLOWANCE_REASONS, ["-2", "9999999"]), max_size=2),
            "charges": st.lists(_allowance(CHARGE_REASONS, ["-2"]), max_size=2),
            "amount": mostly(PRICES, st.sampled_from([0, "-12.34", 10**12])),
            "gross_price": one(["5000", "5000.12345678"], ["1"]),
            "title": WORDS,
            "start_date": one(["2026-01-01", "2026-01-15"], ["2026-03-01", "1999-01-01"]),
            "end_date": st.sampled_from(["2026-01-15", "2026-01-31"]),
            "note": WORDS,
            "line": st.sampled_from(["06 12 00 10 01", "fibre-77"]),
            "product_id": st.integers(1, 99),
            "operation": st.sampled_from(["goods", "services"]),
            "price_base_quantity": st.sampled_from([1, 100, 1000]),
            "gtin": one(["4006381333931"], ["1234"]),
            "buyer_product_id": WORDS,
            "classifications": st.sampled_from(
                [
                    [{"code": "32400000-7", "scheme": "STI"}],
                    [{"code": "1", "scheme": "HS", "version": "22"}],
                    [],
                ]
            ),
            "attributes": st.dictionaries(st.sampled_from(["Couleur", "Débit", "A<b>"]), WORDS, max_size=2),
            "origin_country": PLACES,
            "order_line": WORDS.map(lambda text: text[:64]),
            "accounting_reference": WORDS.map(lambda text: text[:64]),
        },
    )
    return st.tuples(fields, _taxed()).map(lambda both: both[0] | both[1])


def _document() -> dict[str, Any]:
    allowance, charge = (
        st.tuples(_allowance(codes, ["-3", "99999"]), _taxed()).map(lambda both: both[0] | both[1])
        for codes in (ALLOWANCE_REASONS, CHARGE_REASONS)
    )
    correcting = {"invoice_number": "FA-1", "date": "2026-01-02"}
    ancient = {"invoice_number": "FA-0", "date": "1999-12-31"}
    return {
        "type": st.one_of(
            one(["prepayment", "self_billed", "389", "380"], ["credit_note", "corrective"]),
            st.sampled_from(sorted(FRENCH_TYPES)),
            mostly(st.just("380"), st.sampled_from(sorted(KIND_OF_CODE))),
        ),
        "corrects": one(
            [correcting, [correcting, correcting]],
            ["FA-1", "FA 1", {"invoice_number": "FA-1"}, ["FA-1", 3], [correcting, ancient]],
        ),
        "documents": st.lists(
            _some(
                {"id": st.sampled_from(["PV-1", "A<b>"])},
                {"description": WORDS, "url": st.just("https://x.example/a?b=c&d")},
            ),
            max_size=2,
        ),
        "payee": _some(
            {"name": WORDS.map(lambda text: text[:100])},
            {
                "siren": one(["552100554"], ["55210"]),
                "iban": st.just("FR7630006000011234567890189"),
                "bic": st.just("AGRIFRPP"),
            },
        ),
        "sales_order": WORDS,
        "receiving_advice": WORDS,
        "despatch_advice": WORDS,
        "tender": WORDS,
        "invoiced_object": WORDS,
        "accounting_reference": WORDS,
        "currency": MONEY,
        "discounts": st.lists(allowance, max_size=2),
        "charges": st.lists(charge, max_size=2),
        "tax_point_date": mostly(DAYS, st.just("1999-12-31")),
        "payment_reference": WORDS.map(lambda text: text[:140]),
        "paid_amount": st.sampled_from(["0", "0.00", "2.00", "5000"]),
        "rounding_amount": one(["0", "0.00"], ["0.02", "-0.03"]),
        "reverse_charge": one([False], [True]),
        "vat_on_debits": st.booleans(),
        "operation": st.sampled_from(["goods", "services", "mixed"]),
        "payment_methods": st.lists(
            st.one_of(
                st.sampled_from(["direct_debit", "card", "cheque", "online", *sorted(PAYMENT_CODES)]),
                _some(
                    {"method": st.just("card")},
                    {"card": st.just("12345678"), "text": WORDS.map(lambda t: t[:90])},
                ),
            ),
            max_size=3,
        ),
        "payment_terms": WORDS,
        "purchase_order": WORDS,
        "buyer_reference": WORDS,
        "contract": WORDS,
        "project": WORDS,
        "delivery_address": mostly(_address(), st.just("1 quai\n13002 Marseille")),
        "notes": st.lists(
            st.one_of(
                WORDS,
                st.fixed_dictionaries({"text": WORDS, "subject": one(sorted(NOTE_SUBJECTS), ["PMT", "x"])}),
            ),
            max_size=3,
        ),
        "exemption_reason": WORDS,
        "direct_debit": _some({}, {"mandate": st.just("RUM-1"), "iban": st.just("FR76 3000"), "date": DAYS}),
    }


def _address() -> st.SearchStrategy[dict[str, Any]]:
    return _some(
        {"country": PLACES},
        {
            "address": st.lists(WORDS.map(lambda text: text[:90]), max_size=6),
            "postcode": st.sampled_from(["69002", "W1A 1AA"]),
            "city": st.sampled_from(["Lyon", "東京"]),
            "state": st.sampled_from(["WA", "Bretagne"]),
        },
    )


def _client() -> st.SearchStrategy[dict[str, Any]]:
    always = {"name": st.sampled_from(NAMES), "email": one(["a@b.example"], ["x" * 130 + "@b.example", ""])}
    company = _some(
        always
        | {"siren": one(["552100554"], ["12345678", ""]), "vat_id": one(["FR59552100554"], ["5955210"])},
        {
            "kind": st.sampled_from(["business", "public"]),
            "siret": one(["55210055400013"], ["12345682400013"]),
            "electronic_address": one(
                ["552100554_SERVICE"], ["autre chose", {"scheme": "EM", "id": "c@d.example"}]
            ),
            "customer_number": st.sampled_from(["C-1", 12]),
            "trading_name": WORDS.map(lambda text: text[:100]),
            "contact": st.sampled_from(
                ["Léa", {"name": "Léa", "phone": "04", "email": "l@a.example"}, {"phone": "1"}]
            ),
            "phone": st.just("04 91"),
        },
    )
    abroad = _some(
        always | {"vat_id": one(["DE123456789", "EL123456789"], ["59552100554"])},
        {"electronic_address": one([{"scheme": "9930", "id": "DE123456789"}], [{"scheme": "X", "id": "a"}])},
    )
    person = _some(always, {"kind": st.just("consumer")})
    return st.tuples(st.one_of(company, abroad, person), _address()).map(lambda both: both[0] | both[1])


def _head(day: date) -> dict[str, Any]:
    return {
        "invoice_number": one(["FA-2026-1", "A/1+b_2"], ["FA 2026", "F" * 36]),
        "date": st.sampled_from([day.isoformat(), f"{day.isoformat()}T21:30:00Z"]),
        "due_date": one([(day + timedelta(20)).isoformat()], [(day - timedelta(3)).isoformat(), None]),
        "exchange_rate": one(["0.92", 0.0058], ["0", None]),
        "client": _client(),
        "transactions": st.lists(_line(), min_size=1, max_size=4)
        | mostly(st.lists(_line(), min_size=1, max_size=2), st.lists(_line(), min_size=10, max_size=12)),
    }


def invoices() -> st.SearchStrategy[dict[str, Any]]:
    """OmniCRM's JSON: mostly sound, and never tame."""
    days = st.dates(date(2026, 1, 1), date(2027, 6, 30))
    drawn = days.flatmap(lambda day: _some(_head(day), _document()))
    alone = mostly(st.none(), st.sampled_from(["Z", "E", "AE", "K", "G", "O", "L", "M"]))
    return st.tuples(drawn, alone, mostly(st.just(False), st.just(True))).map(lambda three: _variant(*three))


def _variant(raw: dict[str, Any], category: str | None, back: bool) -> dict[str, Any]:
    """The whole invoice in one category of tax, or everything taken back by a corrective one."""
    taxed = [raw["transactions"], raw.get("discounts", []), raw.get("charges", [])]
    for row in (row for rows in taxed for row in rows if category):
        row |= {"tax_category": category, "tax_rate": "7" if category in ("L", "M") else "0"}
    if back:
        raw |= {"type": "corrective", "corrects": {"invoice_number": "FA-1", "date": "2026-01-02"}}
        for row in raw["transactions"]:
            row["quantity"] = -3
    return raw


SELLERS: list[dict[str, Any]] = [
    {
        "vat_id": "FR40123456824",
        "trading_name": "Alizé",
        "registration": "SAS, RCS Marseille",
        "contact": "Léa",
    },
    {
        "country": "DE",
        "identifier": "4000001123452",
        "identifier_scheme": "0088",
        "vat_id": "DE123456789",
        "state": "SH",
    },
    {"country": "DE", "identifier": "K-7", "email": "f@alize.example"},
    {"vat_id": "FR40123456824", "iban": "FR7630006000011234567890189", "bic": "AGRIFRPP"},
    {
        "vat_id": "FR40123456824",
        "creditor_id": "FR72ZZZ123456",
        "vat_on_debits": True,
        "phone": "04 91 00 00 00",
    },
    {"siren": "123456824", "exemption_code": "VATEX-FR-FRANCHISE", "email": "f@alize.example"},
    {"country": "GF", "siren": "123456824", "exemption_reason": "TVA non applicable, article 294 du CGI"},
    {"country": "DE", "tax_number": "201/113/40209", "siren": "123456789", "email": "f@alize.example"},
    {"country": "DE", "vat_id": "DE123456789", "email": "f@alize.example"},
    {
        "country": "CH",
        "company_id": "CHE-123.456.788",
        "email": "f@alize.example",
        "tax_representative": {"name": "Mandataire SARL", "vat_id": "FR59552100554", "city": "Lyon"},
    },
    {"country": "ES", "postcode": "", "city": "", "vat_id": "ESX1234567X", "email": "f@alize.example"},
]


def settings() -> st.SearchStrategy[dict[str, Any]]:
    """The `invoice:` block: who sells, and in which profile."""
    place = {"name": "Alizé Télécom", "address": "8 quai", "postcode": "13002", "city": "Marseille"}
    return st.fixed_dictionaries(
        {
            "e_invoice": st.just("factur-x"),
            "profile": st.sampled_from(["en16931", "en16931", "basic"]),
            "seller": st.sampled_from(SELLERS).map(lambda seller: place | seller),
        }
    )
