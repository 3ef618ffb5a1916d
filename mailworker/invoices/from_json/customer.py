"""The customer, their address, and where it was delivered to."""

import re
from collections.abc import Mapping

from mailworker.core.safe_text import unbroken
from mailworker.invoices.code_lists import address_scheme, country_code
from mailworker.invoices.from_json.fields import InvoiceFields
from mailworker.invoices.model import ClientKind, DeliveryPlace, Party, PostalAddress

MAX_ADDRESS_LINES = 6
#: Longer ones would leave the envelope's window.
MAX_ADDRESS_LINE = 100
_STREET = ("address_line_1", "address_line1", "street", "address_line_2", "address_line2", "address_line_3")
#: The scheme of electronic addresses in the French directory: a SIREN, alone or with a suffix.
FRENCH_DIRECTORY = "0225"
#: Who the customer is, by OmniCRM's account types and by what people write.
_KINDS = {
    ClientKind.BUSINESS: "business company professional pro b2b entreprise professionnel",
    ClientKind.CONSUMER: "consumer individual private person b2c particulier residential",
    ClientKind.PUBLIC: "public government administration b2g collectivité",
}
_KIND_OF = {word: kind for kind, words in _KINDS.items() for word in words.split()}


def client_of(invoice: InvoiceFields) -> Party:
    """The customer. An address may be one text, a list of lines, an object, or a list of objects."""
    raw = invoice.raw.get("client")
    if not isinstance(raw, Mapping):
        invoice.fault("client", "is missing" if raw is None else "must be an object with a name")
        return Party("")
    client = invoice.below(raw, "client")
    endpoint, scheme = _endpoint(client)
    vat_id = compact(client.text("vat_id", "vat_number", "tax_identifier", longest=30))
    siren, siret = _company(client, vat_id)
    return Party(
        name=client.text("name", required=True),
        address=address_of(client),
        email=client.text("email", longest=254),
        number=client.text("customer_number", "number", "client_id", "customer_id", longest=64),
        vat_id=vat_id,
        siren=siren,
        siret=siret,
        company_id=client.text("company_id", longest=64),
        trading_name=client.text("trading_name"),
        **_contact(client),
        kind=_kind(client, invoice) or (ClientKind.BUSINESS if siren or vat_id else ClientKind.UNKNOWN),
        endpoint=endpoint,
        endpoint_scheme=scheme,
    )


def _contact(client: InvoiceFields) -> dict[str, str]:
    """Who answers there: `contact` is a name, or an object with name, phone and email.

    OmniCRM has these two for purposes of its own, too: what is no text there, such as an id, is passed over.
    """
    contact = client.raw.get("contact")
    phone = client.text("phone") if isinstance(client.raw.get("phone"), str) else ""
    if not isinstance(contact, Mapping):
        return {"contact": client.text("contact") if isinstance(contact, str) else "", "phone": phone}
    given = client.below(contact, "contact")
    names = {"contact": given.text("name"), "phone": given.text("phone") or phone}
    return names | {"contact_email": given.text("email", longest=254)}


def compact(identifier: str) -> str:
    """An identifier without the spaces and points that people group it with."""
    return "".join(identifier.replace(".", "").split()).upper()


def _company(client: InvoiceFields, vat_id: str) -> tuple[str, str]:
    """SIREN and SIRET. A SIRET begins with the SIREN, and a French VAT number ends with it."""
    siren, siret = (compact(client.text(name, longest=20)) for name in ("siren", "siret"))
    if len(siren) == 14 and not siret:
        siren, siret = "", siren
    return siren or siret[:9] or siren_of(vat_id), siret


def siren_of(vat_id: str) -> str:
    """The SIREN inside a French VAT number; empty for others."""
    found = re.fullmatch(r"FR[0-9A-HJ-NP-Z]{2}(\d{9})", vat_id)
    return found[1] if found else ""


def _kind(client: InvoiceFields, invoice: InvoiceFields) -> ClientKind:
    names = ("kind", "customer_account_type", "account_type", "type")
    declared = client.text(*names, longest=40) or invoice.text("customer_account_type", longest=40)
    kind = _KIND_OF.get(declared.lower(), ClientKind.UNKNOWN)
    if declared and not kind:
        client.fault("kind", f"must be one of {', '.join(filter(None, ClientKind))}")
    return kind


def _endpoint(client: InvoiceFields) -> tuple[str, str]:
    """The electronic address: a text of the French directory, or an object with scheme and id."""
    value = client.raw.get("electronic_address")
    if isinstance(value, Mapping):
        given = client.below(value, "electronic_address")
        scheme = given.text("scheme", required=True, longest=4)
        return given.text("id", "value", required=True), address_scheme(scheme)
    text = client.text("electronic_address")
    return text, FRENCH_DIRECTORY if text else ""


def address_of(owner: InvoiceFields) -> PostalAddress:
    """The address of a customer or a delivery, however it is given."""
    fields = _address_fields(owner)
    country = fields.text("country_code", "country", longest=60) or owner.text("country", longest=60)
    return PostalAddress(
        lines=_street(owner, fields),
        postcode=fields.text("postcode", "zip_code", "zip", "postal_code", longest=20),
        city=fields.text("city", longest=100),
        region=fields.text("state", "region", "province", longest=100),
        country=country_code(country),
    )


def _address_fields(owner: InvoiceFields) -> InvoiceFields:
    """Where street and city stand: in `address`, in the first of `addresses`, or in the owner itself."""
    address = owner.raw.get("address")
    if isinstance(address, Mapping):
        return owner.below(address, "address")
    addresses = owner.raw.get("addresses")
    if isinstance(addresses, list) and addresses and isinstance(addresses[0], Mapping):
        return owner.below(addresses[0], "addresses[0]")
    return owner


def _street(owner: InvoiceFields, fields: InvoiceFields) -> tuple[str, ...]:
    address = owner.raw.get("address")
    if isinstance(address, str):
        lines = [unbroken(line) for line in address.splitlines()]
    elif isinstance(address, list | tuple):
        lines = [unbroken(str(line)) for line in address]
    else:
        lines = [fields.text(name) for name in _STREET]
    kept = tuple(line for line in lines if line)
    if len(kept) > MAX_ADDRESS_LINES:
        owner.fault("address", f"has {len(kept)} lines; the most is {MAX_ADDRESS_LINES}")
    if longest := max((len(line) for line in kept if len(line) > MAX_ADDRESS_LINE), default=0):
        owner.fault("address", f"has a line of {longest} characters; the most is {MAX_ADDRESS_LINE}")
    return kept


def delivery_of(invoice: InvoiceFields) -> DeliveryPlace | None:
    """Where it was delivered, if the invoice gives it: `delivery_address`, `delivery`, `delivery_date`."""
    day = invoice.day("delivery_date")
    for name in ("delivery_address", "delivery"):
        value = invoice.raw.get(name)
        if isinstance(value, str):
            lines = tuple(line for line in (unbroken(part) for part in value.splitlines()) if line)
            if lines:
                return DeliveryPlace(address=PostalAddress(lines=lines[:MAX_ADDRESS_LINES]), day=day)
        elif given := invoice.object(name):
            number = given.text("location_id", longest=64)
            return DeliveryPlace(given.text("name"), address_of(given), given.day("date") or day, number)
    return DeliveryPlace(day=day) if day else None
