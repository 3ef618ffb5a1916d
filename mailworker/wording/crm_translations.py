"""Words that a CRM gives in one language, for a reader of another; in English for readers of a third."""

from collections.abc import Mapping

#: OmniCRM's kinds of balance, by any of their names: how each language calls them.
_BALANCES: tuple[Mapping[str, str], ...] = (
    {"fr": "Données", "en": "Data"},
    {"fr": "Voix", "en": "Voice"},
    {"fr": "Monétaire", "en": "Credit"},
    {"fr": "SMS", "en": "SMS"},
    {"fr": "MMS", "en": "MMS"},
    {"fr": "Messages", "en": "Messages"},
)
_BALANCE_NAMES = {
    "crédit": _BALANCES[2],
    "monetaire": _BALANCES[2],
    "monetary": _BALANCES[2],
    "money": _BALANCES[2],
    "donnees": _BALANCES[0],
    "internet": _BALANCES[0],
} | {name.casefold(): words for words in _BALANCES for name in words.values()}

#: What stands in the place of a balance's type where a service itself is over.
_SERVICE = "service"
#: CGRateS's word for a balance of no other type, which means nothing to a customer.
_MEANINGLESS = {"generic", _SERVICE}

#: French already, though not the first of its names.
_FRENCH = {"crédit", "donnees", "monetaire"}

#: Who changed a password: OmniCRM says "Soit" (Self), or an administrator's name.
_THEMSELVES = {"soit", "soi", "soi-même", "self", "vous-même", "yourself", "lui-même", "elle-même", "user"}
_ADMINISTRATOR = {"administrateur", "administratrice", "administrator", "admin"}
_WHO = {
    "themselves": {"fr": "vous-même", "en": "you"},
    "administrator": {"fr": "Administrateur", "en": "Administrator"},
}


def balance_type(word: str, language: str) -> str:
    """The kind of balance in the reader's language; a word that is none of OmniCRM's or CGRateS's stays.

    Empty, so that the mail leaves it out, where it is an engine's word and no person's.
    """
    name = _name(word)
    if name in _MEANINGLESS:
        return ""
    words = _BALANCE_NAMES.get(name)
    if words is None or (language == "fr" and name in _FRENCH):
        return word
    return words.get(language, words["en"])


def _name(word: str) -> str:
    """Without the star of CGRateS's own names (`*monetary`)."""
    return word.strip().lstrip("*").casefold()


def is_credit(word: str) -> bool:
    """Whether a balance of this type holds money, which is topped up and not renewed."""
    return _BALANCE_NAMES.get(_name(word)) is _BALANCES[2]


def is_ended_service(word: str) -> bool:
    """Whether what expired is a service, and none of its balances."""
    return _name(word) == _SERVICE


def changed_by(word: str, language: str) -> str:
    """Who changed it, in the reader's language; a person's name stays."""
    key = word.strip().casefold()
    who = "themselves" if key in _THEMSELVES else "administrator" if key in _ADMINISTRATOR else ""
    return _WHO[who].get(language, _WHO[who]["en"]) if who else word
