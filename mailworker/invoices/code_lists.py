"""The code lists that an e-invoice is checked against, and what OmniCRM calls their entries.

Facts of the lists: EN 16931 code lists as Factur-X 1.09 carries them (ISO 3166-1, ISO 4217, VATEX, EAS,
UNTDID 4461, UN/ECE Recommendation 20), and the French rules BR-FR (XP Z12-012). The tests compare them with
the official files.
"""

from decimal import Decimal
from functools import cache

from babel import Locale

from mailworker.config.invoice import FRENCH_PLACES

#: ISO 3166-1, with XI (Northern Ireland) and 1A (Kosovo).
_COUNTRIES = """
    1A AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV
    BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET
    FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM
    IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD
    ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE
    PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST
    SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS
    XI YE YT ZA ZM ZW
"""
COUNTRIES = frozenset(_COUNTRIES.split())
#: What people write for a country, and ISO 3166-1 does not know.
_COUNTRY_SLIPS = {"UK": "GB", "EL": "GR"}
#: Codes that a VAT number may begin with: the country's, or EL for Greece (BR-CO-09).
VAT_PREFIXES = COUNTRIES | {"EL"}
#: Sellers there follow French rules; ISO 3166-1 has codes of their own for the overseas departments.
FRENCH = FRENCH_PLACES
#: VAT rates in per cent that French platforms take (BR-FR-16).
_FRENCH_RATES = "0 0.9 1.05 1.75 2.1 5.5 7 8.5 9.2 9.6 10 13 19.6 20 20.6"
FRENCH_RATES = frozenset(Decimal(rate) for rate in _FRENCH_RATES.split())

#: ISO 4217 as it is in force, not the history that the CLDR knows, too.
_CURRENCIES = """
    AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BHD BIF BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF
    CHE CHF CHW CLF CLP CNH CNY COP COU CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS
    GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD
    KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK
    NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP
    STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD USN UYI UYU UYW UZS VED VES VND VUV WST
    XAF XAG XAU XBA XBB XBC XBD XCD XCG XDR XOF XPD XPF XPT XSU XTS XUA XXX YER ZAR ZMW ZWG
"""
CURRENCIES = frozenset(_CURRENCIES.split())
#: Reasons for an exemption from VAT (BT-121), each after "VATEX-".
_VATEX = """
    EU-132 EU-132-1A EU-132-1B EU-132-1C EU-132-1D EU-132-1E EU-132-1F EU-132-1G EU-132-1H EU-132-1I
    EU-132-1J EU-132-1K EU-132-1L EU-132-1M EU-132-1N EU-132-1O EU-132-1P EU-132-1Q EU-135-1 EU-143
    EU-143-1A EU-143-1B EU-143-1C EU-143-1D EU-143-1E EU-143-1F EU-143-1FA EU-143-1G EU-143-1H EU-143-1I
    EU-143-1J EU-143-1K EU-143-1L EU-144 EU-146-1E EU-148 EU-148-A EU-148-B EU-148-C EU-148-D EU-148-E
    EU-148-F EU-148-G EU-151 EU-151-1A EU-151-1AA EU-151-1B EU-151-1C EU-151-1D EU-151-1E EU-153 EU-159
    EU-309 EU-79-C EU-AE EU-D EU-F EU-G EU-I EU-IC EU-J EU-O FR-298SEXDECIESA FR-AE FR-CGI261-1 FR-CGI261-2
    FR-CGI261-3 FR-CGI261-4 FR-CGI261-5 FR-CGI261-7 FR-CGI261-8 FR-CGI261A FR-CGI261B FR-CGI261C-1
    FR-CGI261C-2 FR-CGI261C-3 FR-CGI261D-1 FR-CGI261D-1BIS FR-CGI261D-2 FR-CGI261D-3 FR-CGI261D-4 FR-CGI261E-1
    FR-CGI261E-2 FR-CGI275 FR-CGI277A FR-CGI295 FR-CNWVAT FR-FRANCHISE
"""
VATEX = frozenset(f"VATEX-{code}" for code in _VATEX.split())
#: Schemes of electronic addresses (BT-34-1, BT-49-1).
_ADDRESS_SCHEMES = """
    0002 0007 0009 0037 0060 0088 0096 0097 0106 0130 0135 0142 0147 0151 0154 0158 0170 0177 0183 0184 0188
    0190 0191 0192 0193 0194 0195 0196 0198 0199 0200 0201 0202 0203 0204 0205 0208 0209 0210 0211 0212 0213
    0215 0216 0217 0218 0221 0225 0230 0235 0240 0242 0244 0245 0246 0248 9910 9913 9914 9915 9918 9919 9920
    9922 9923 9924 9925 9926 9927 9928 9929 9930 9931 9932 9933 9934 9935 9936 9937 9938 9939 9940 9941 9942
    9943 9944 9945 9946 9947 9948 9949 9950 9951 9952 9953 9957 9959 AN AQ AS AU EM
"""
ADDRESS_SCHEMES = frozenset(_ADDRESS_SCHEMES.split())

#: Units -> what they are called. Where a name is missing, the unit is "one" (C62), and the check says so.
_UNITS = {
    "HUR": "h hr heure heures hour hours",
    "MIN": "min mn minute minutes",
    "SEC": "s sec seconde secondes second seconds",
    "DAY": "j jour jours day days",
    "WEE": "semaine semaines week weeks",
    "MON": "mois month months",
    "ANN": "an ans année années year years",
    "AD": "o octet octets byte bytes",
    "2P": "ko kb kilooctet kilooctets kilobyte kilobytes",
    "4L": "mo mb mégaoctet mégaoctets megabyte megabytes",
    "E34": "go gb gigaoctet gigaoctets gigabyte gigabytes",
    "E35": "to tb téraoctet téraoctets terabyte terabytes",
    "E63": "mio mib",
    "E62": "gio gib",
    "E61": "tio tib",
    "NF": "sms mms message messages",
    "C0": "appel appels call calls communication communications",
    "KWH": "kwh",
    "H87": "pièce pièces pce pcs piece pieces",
    "LS": "forfait forfaits",
    "SET": "lot lots set sets kit kits",
    "MTR": "m mètre mètres metre metres meter meters",
    "C62": "u unité unités unit units ligne lignes line lines x ea each one",
}
_UNIT_OF = {word: code for code, words in _UNITS.items() for word in words.split()}
ONE = "C62"


def unit_code(unit: str) -> str | None:
    """The code of UN/ECE Recommendation 20 for a unit's name, or for the code itself; None if unknown."""
    if not unit:
        return ONE
    return unit if unit in _UNITS else _UNIT_OF.get(unit.lower().rstrip("."))


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
#: The other codes of UNTDID 4461: an invoice may name them, and the page calls them another agreed way.
_OTHER_PAYMENTS = """
    1 2 3 4 5 6 7 8 9 11 12 13 14 15 16 17 18 19 21 22 23 24 25 26 27 28 29 31 32 33 34 35 36 37 38 39 40 41
    42 43 44 45 46 47 50 51 52 53 56 60 61 62 63 64 65 66 67 69 70 74 75 76 77 78 91 92 93 94 95 96 98 ZZZ
"""
PAYMENT_CODES = frozenset(_PAYMENTS) | frozenset(_OTHER_PAYMENTS.split())
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
