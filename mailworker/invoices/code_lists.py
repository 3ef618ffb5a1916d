"""The code lists that an e-invoice is checked against, and what OmniCRM calls their entries.

Facts of the lists: EN 16931 code lists as Factur-X 1.09 carries them (ISO 3166-1, ISO 4217, VATEX, EAS,
UNTDID 4461, UN/ECE Recommendation 20), and the French rules BR-FR (XP Z12-012). The tests compare them with
the official files.
"""

from decimal import Decimal
from functools import cache
from importlib.resources import files

from babel import Locale

from mailworker.config.invoice import FRENCH_PLACES


def _official() -> dict[str, frozenset[str]]:
    """Each list of `official_codes.txt` by its name."""
    text = (files("mailworker.invoices") / "official_codes.txt").read_text("utf-8")
    blocks = (block.partition("\n") for block in text.split("\n[")[1:])
    return {head.partition("]")[0]: frozenset(codes.split()) for head, _, codes in blocks}


_LISTS = _official()
#: CEN's own validator has not learnt of South Sudan and the new dobra yet (validation-1.3.16).
COUNTRIES = _LISTS["countries"] - {"SS"}
CURRENCIES = _LISTS["currencies"] - {"STN"}
VATEX = _LISTS["exemptions"]
ADDRESS_SCHEMES = _LISTS["address-schemes"]
PAYMENT_CODES = _LISTS["payment-means"]
NOTE_SUBJECTS = _LISTS["note-subjects"]
CLASS_LISTS = _LISTS["class-lists"]
ALLOWANCE_REASONS = _LISTS["allowance-reasons"]
CHARGE_REASONS = _LISTS["charge-reasons"]
IDENTIFIER_SCHEMES = _LISTS["identifier-schemes"]
OBJECT_SCHEMES = _LISTS["object-schemes"]
_UNIT_CODES = _LISTS["units"]
#: What people write for a country, and ISO 3166-1 does not know.
_COUNTRY_SLIPS = {"UK": "GB", "EL": "GR"}
#: Codes that a VAT number may begin with: the country's, or EL for Greece (BR-CO-09).
VAT_PREFIXES = COUNTRIES | {"EL"}
#: Sellers there follow French rules; ISO 3166-1 has codes of their own for the overseas departments.
FRENCH = FRENCH_PLACES
#: VAT rates in per cent that French platforms take (BR-FR-16).
_FRENCH_RATES = "0 0.9 1.05 1.75 2.1 5.5 7 8.5 9.2 9.6 10 13 19.6 20 20.6"
FRENCH_RATES = frozenset(Decimal(rate) for rate in _FRENCH_RATES.split())

#: Schemes of electronic addresses that were given another code.
_SUCCESSORS = {"9906": "0211", "9907": "0210", "9908": "0192", "9956": "0208", "9958": "0204"}


def address_scheme(code: str) -> str:
    """The scheme of an electronic address as it is called today: 9958 of a Leitweg-ID became 0204."""
    return _SUCCESSORS.get(code.upper(), code.upper())


#: Units -> what they are called in French, and in English. Any other is "one" (C62), and the check warns.
_UNITS = {
    "HUR": "h heure heures | h hr hour hours",
    "MIN": "min mn minute minutes | min mn minute minutes",
    "SEC": "s sec seconde secondes | s sec second seconds",
    "DAY": "j jour jours | day days",
    "WEE": "semaine semaines | week weeks",
    "MON": "mois | month months",
    "ANN": "an ans année années | year years",
    "AD": "o octet octets | byte bytes",
    "2P": "ko kilooctet kilooctets | kb kilobyte kilobytes",
    "4L": "mo mégaoctet mégaoctets | mb megabyte megabytes",
    "E34": "go gigaoctet gigaoctets | gb gigabyte gigabytes",
    "E35": "to téraoctet téraoctets | tb terabyte terabytes",
    "E63": "mio | mib",
    "E62": "gio | gib",
    "E61": "tio | tib",
    "NF": "sms mms message messages | sms mms message messages",
    "C0": "appel appels communication communications | call calls communication communications",
    "KWH": "kwh | kwh",
    "H87": "pièce pièces pce | pcs piece pieces",
    "LS": "forfait forfaits |",
    "SET": "lot lots kit kits | set sets kit kits",
    "MTR": "m mètre mètres | m metre metres meter meters",
    "C62": "u unité unités ligne lignes x | unit units line lines x ea each one",
}
_UNIT_OF = {word: code for code, words in _UNITS.items() for word in words.replace("|", " ").split()}
_UNIT_WORDS = {
    language: frozenset(word for words in _UNITS.values() for word in words.split("|")[side].split())
    for side, language in enumerate(("fr", "en"))
}
ONE = "C62"


def unit_code(unit: str) -> str | None:
    """The code of UN/ECE Recommendation 20 for a unit's name, or for the code itself; None if unknown."""
    if not unit:
        return ONE
    named = _UNIT_OF.get(unit.lower().rstrip("."))
    return named or (unit if unit in _UNIT_CODES else None)


def foreign_unit(unit: str, language: str) -> str | None:
    """The code of a unit that came in a word of French where `language` is English, or the reverse."""
    word = unit.lower().rstrip(".")
    return None if word in _UNIT_WORDS[language] else _UNIT_OF.get(word)


#: Ways to pay (UNTDID 4461) -> what they are called. SEPA codes are for euros.
CREDIT_TRANSFER, SEPA_TRANSFER = "30", "58"
DIRECT_DEBIT, SEPA_DEBIT = "49", "59"
TRANSFERS = frozenset({CREDIT_TRANSFER, SEPA_TRANSFER})
DEBITS = frozenset({DIRECT_DEBIT, SEPA_DEBIT})
_PAYMENTS = {
    "10": "cash espèces especes",
    "20": "cheque check chèque",
    CREDIT_TRANSFER: "transfer credit_transfer bank_transfer wire virement",
    SEPA_TRANSFER: "sepa_transfer sepa_credit_transfer",
    DIRECT_DEBIT: "direct_debit debit prelevement prélèvement",
    SEPA_DEBIT: "sepa_direct_debit sepa_debit prelevement_sepa",
    "48": "card bank_card carte cb stripe",
    "54": "credit_card",
    "55": "debit_card",
    "57": "standing_order",
    "68": "online paypal online_payment",
    "97": "clearing compensation",
}
_PAYMENT_OF = {word: code for code, words in _PAYMENTS.items() for word in words.split()}
PAYMENT_NAMES = tuple(words.split()[0] for words in _PAYMENTS.values())


def payment_code(name: str, currency: str) -> str | None:
    """The code of UNTDID 4461 for a way to pay, by its name or the code itself; None if unknown."""
    code = (
        name if name in PAYMENT_CODES else _PAYMENT_OF.get(name.lower().replace(" ", "_").replace("-", "_"))
    )
    if currency == "EUR":
        return {CREDIT_TRANSFER: SEPA_TRANSFER, DIRECT_DEBIT: SEPA_DEBIT}.get(code or "", code)
    return {SEPA_TRANSFER: CREDIT_TRANSFER, SEPA_DEBIT: DIRECT_DEBIT}.get(code or "", code)


@cache
def _countries_by_name() -> dict[str, str]:
    found: dict[str, str] = {}
    for language in ("en", "fr"):
        names = Locale(language).territories
        found |= {names[code].casefold(): code for code in COUNTRIES if code in names}
    return found


def country_code(country: str) -> str:
    """A country's code, from the code or from its name in English or French; else as it came."""
    if len(country) == 2:
        return country.upper()
    return _countries_by_name().get(country.casefold(), country)


def meant_country(code: str) -> str:
    """A clause that names the right code for a well-known slip, such as UK."""
    right = _COUNTRY_SLIPS.get(code)
    return f"; did you mean '{right}'?" if right else ""
