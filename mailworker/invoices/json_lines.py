"""The parts of an invoice: customer, lines, discounts, usage rows."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from mailworker.invoices.json_fields import Fields, clean
from mailworker.invoices.model import Allowance, InvoiceLine, Party, Usage, VatCategory
from mailworker.invoices.money import ZERO, parse_decimal, round_half_up

MAX_NOTES = 20
MAX_ADDRESS_LINES = 6
#: Longer ones would leave the envelope's window.
MAX_ADDRESS_LINE = 100
_STREET = ("address_line_1", "address_line1", "street", "address_line_2", "address_line2", "address_line_3")


def client_of(invoice: Fields) -> Party:
    """The customer. An address may be one text, a list of lines, an object, or a list of objects."""
    raw = invoice.raw.get("client")
    if not isinstance(raw, Mapping):
        invoice.fault("client", "is missing" if raw is None else "must be an object with a name")
        return Party("")
    client = Fields(raw, invoice.faults, "client.")
    place = _place(client)
    return Party(
        name=client.text("name", required=True),
        address=_street(client, place),
        postcode=place.text("postcode", "zip_code", "zip", "postal_code", longest=20),
        city=place.text("city", longest=100),
        country=_country(place),
        email=client.text("email", longest=254),
        number=client.text("customer_number", "number", "client_id", "customer_id", longest=64),
        vat_id="".join(client.text("vat_id", "vat_number", "tax_identifier", longest=30).split()).upper(),
        siren="".join(client.text("siren", longest=14).split()),
    )


def _place(client: Fields) -> Fields:
    """Where street and city stand: in `address`, in the first of `addresses`, or in the client itself."""
    address = client.raw.get("address")
    if isinstance(address, Mapping):
        return Fields(address, client.faults, "client.address.")
    addresses = client.raw.get("addresses")
    if isinstance(addresses, list) and addresses and isinstance(addresses[0], Mapping):
        return Fields(addresses[0], client.faults, "client.addresses[0].")
    return client


def _street(client: Fields, place: Fields) -> tuple[str, ...]:
    address = client.raw.get("address")
    if isinstance(address, str):
        lines = [clean(line) for line in address.splitlines()]
    elif isinstance(address, list | tuple):
        lines = [clean(str(line)) for line in address]
    else:
        lines = [place.text(name) for name in _STREET]
    kept = tuple(line for line in lines if line)
    if len(kept) > MAX_ADDRESS_LINES:
        client.fault("address", f"has {len(kept)} lines; the most is {MAX_ADDRESS_LINES}")
    if longest := max((len(line) for line in kept if len(line) > MAX_ADDRESS_LINE), default=0):
        client.fault("address", f"has a line of {longest} characters; the most is {MAX_ADDRESS_LINE}")
    return kept


def _country(place: Fields) -> str:
    country = place.text("country_code", "country", longest=60)
    return country.upper() if len(country) == 2 else country


def line_of(item: Fields, invoice: Mapping[str, Any], digits: int) -> InvoiceLine:
    """One transaction. Its amount is quantity times price less discount, and must be so if it is given."""
    given = item.number("amount", "retail_cost")
    quantity = item.number("quantity")
    price = item.number("unit_price")
    discount = item.number("discount") or ZERO
    if quantity is None:
        quantity = Decimal(1)
    if price is None:
        price = _price(item, given, quantity, discount)
    amount = round_half_up(quantity * price - discount, digits)
    if given is not None and round_half_up(given, digits) != amount:
        item.fault(
            "amount",
            f"is {given} but quantity times unit_price less discount is {amount}: "
            f"the difference is {given - amount:+f}",
        )
    rate, category = tax_of(item, invoice)
    return InvoiceLine(
        description=item.text("description", "title", "name", required=True, longest=1000),
        quantity=quantity,
        unit=item.text("unit", longest=20),
        unit_price=price,
        discount=discount,
        amount=amount,
        rate=rate,
        tax=item.number("tax_amount"),
        category=category,
        start=item.day("start_date", "date"),
        end=item.day("end_date"),
    )


def _price(item: Fields, given: Decimal | None, quantity: Decimal, discount: Decimal) -> Decimal:
    """The price of one where only the amount is known."""
    if given is None:
        item.fault("amount", "is missing, and there is no unit_price to reckon it from")
        return ZERO
    if not quantity:
        item.fault("quantity", "is zero, so the amount has no unit price")
        return ZERO
    return round_half_up((given + discount) / quantity, 6)


def tax_of(item: Fields, invoice: Mapping[str, Any]) -> tuple[Decimal | None, VatCategory]:
    """The rate in per cent and its category; `reverse_charge: true` on the invoice holds for all lines."""
    rate = item.number("tax_rate", "tax_percentage", "vat_rate")
    if rate is not None and not 0 <= rate <= 100:
        item.fault("tax_rate", "must be a percentage from 0 to 100")
    named = item.text("tax_category", longest=10).upper()
    if named and named not in set(VatCategory):
        item.fault("tax_category", f"must be one of {', '.join(VatCategory)}")
        named = ""
    if not named and invoice.get("reverse_charge") is True:
        named = VatCategory.REVERSE_CHARGE
    category = VatCategory(named) if named else VatCategory.ZERO if rate == 0 else VatCategory.STANDARD
    if category is VatCategory.STANDARD:
        if named and not rate:
            item.fault("tax_rate", "must be above 0 in category S")
        return rate, category
    if rate:
        item.fault("tax_rate", f"must be 0 in category {category}")
    return ZERO, category


def allowance_of(item: Fields, invoice: Mapping[str, Any]) -> Allowance:
    """A discount on the whole invoice."""
    amount = item.number("amount", required=True) or ZERO
    if amount < 0:
        item.fault("amount", "must be positive: a discount is taken off")
    rate, category = tax_of(item, invoice)
    return Allowance(item.text("description", "title", required=True, longest=300), amount, rate, category)


def usage_of(item: Fields) -> Usage:
    """One usage row; read straight, as there may be tens of thousands."""
    raw = item.raw
    amount = raw.get("amount", raw.get("retail_cost"))
    duration = raw.get("duration")
    return Usage(
        when=_short(raw.get("date") or raw.get("time") or ""),
        service=_short(raw.get("service") or raw.get("type") or raw.get("description") or ""),
        party=_short(raw.get("destination") or raw.get("number") or raw.get("to") or ""),
        volume=_short(raw.get("quantity", "")) if duration is None else duration_text(_short(duration)),
        amount=ZERO if amount in (None, "") else _amount(item, amount),
        account=_short(raw.get("line") or raw.get("account") or ""),
    )


def duration_text(duration: str) -> str:
    """Whole seconds as h:mm:ss; a text such as "12 min" as it came."""
    if not duration.isascii() or not duration.isdigit():
        return duration
    minutes, seconds = divmod(int(duration), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def _amount(item: Fields, value: Any) -> Decimal:
    try:
        return parse_decimal(value)
    except ValueError as wrong:
        item.fault("amount", str(wrong))
        return ZERO


def _short(value: Any) -> str:
    return clean(str(value))[:120]
