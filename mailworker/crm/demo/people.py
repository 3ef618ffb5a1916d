"""Customers and their contacts, out of a seeded dice."""

import random
import re
import unicodedata
from dataclasses import dataclass
from datetime import date, timedelta

FIRST_NAMES = (
    "Camille", "Louis", "Inès", "Hugo", "Chloé", "Nathan", "Léa", "Théo", "Manon", "Jules", "Zoé", "Raphaël",
    "Élise", "Gabriel", "Sarah", "Adam", "Juliette", "Maël", "Anaïs", "Noé", "Fatou", "Yanis", "Margaux",
    "Antoine", "Clémence", "Bastien", "Aïcha", "Mathis", "Solène", "Victor", "Éloïse", "Karim",
)  # fmt: skip
LAST_NAMES = (
    "Moreau", "Lefèvre", "Garnier", "Roussel", "Benali", "Perrin", "Le Goff", "Marchand", "Diallo",
    "Fontaine", "Chevalier", "Robin", "Masson", "Guérin", "Da Silva", "Boyer", "Lemaître", "Nguyen", "Colin",
    "Vidal", "Barré", "Caron", "Picard", "Aubert", "Renard", "Hamon", "Traoré", "Giraud", "Leroux",
    "d'Estaing-Roche",
)  # fmt: skip
TRADES = (
    "Boulangerie", "Garage", "Pharmacie", "Menuiserie", "Cabinet dentaire", "Librairie", "Hôtel",
    "Fromagerie", "Imprimerie", "Auto-école", "Brasserie", "Vignobles",
)  # fmt: skip
#: City, postal code, and IANA zone where it is not that of Paris.
PLACES = (
    ("Nantes", "44000", ""), ("Rennes", "35000", ""), ("Lyon", "69003", ""), ("Lille", "59800", ""),
    ("Bordeaux", "33000", ""), ("Strasbourg", "67000", ""), ("Toulouse", "31000", ""),
    ("Grenoble", "38000", ""), ("Brest", "29200", ""), ("Besançon", "25000", ""),
    ("Saint-Étienne", "42000", ""), ("Ajaccio", "20000", ""),
    ("Fort-de-France", "97200", "America/Martinique"), ("Saint-Denis", "97400", "Indian/Reunion"),
)  # fmt: skip
CONTACT_TYPES = ("facturation", "technique", "direction")

#: One in so many customers is a firm; one in so many reads English.
_FIRMS = 5
_ENGLISH = 12


@dataclass(frozen=True, slots=True)
class DemoPerson:
    """Somebody invented, and the row of the customer table."""

    number: int
    firm: bool
    row: tuple[object, ...]
    contacts: tuple[tuple[object, ...], ...]


def person(number: int, dice: random.Random, today: date) -> DemoPerson:
    """The customer of this number."""
    first, last = dice.choice(FIRST_NAMES), dice.choice(LAST_NAMES)
    firm = number % _FIRMS == 0
    name = f"{dice.choice(TRADES)} {last}" if firm else f"{first} {last}"
    # `.example` can never be delivered to (RFC 2606, section 2).
    domain = f"{ascii_word(name)}-{number}.example" if firm else "courriel.example"
    email = f"facturation@{domain}" if firm else f"{ascii_word(first)}.{ascii_word(last)}.{number}@{domain}"
    city, postal_code, zone = dice.choice(PLACES)
    since = today - timedelta(days=dice.randrange(30, 3000))
    updated = f"{today - timedelta(days=dice.randrange(1, 30))} 09:{dice.randrange(60):02d}:00"
    language = "en" if number % _ENGLISH == 7 else "fr"
    segment = "professionnel" if firm else "particulier"
    row = (number, name, email, city, postal_code, "FR", language, zone, segment, str(since), 1, updated)
    return DemoPerson(number, firm, row, _contacts(number, dice, name, email, updated))


def _contacts(
    number: int, dice: random.Random, name: str, email: str, updated: str
) -> tuple[tuple[object, ...], ...]:
    """A private customer is their own contact; a firm has one for each purpose."""
    domain = email.split("@")[1]
    if number % _FIRMS:
        return ((number * 10, number, name, email, CONTACT_TYPES[0], updated),)
    people = [(dice.choice(FIRST_NAMES), dice.choice(LAST_NAMES)) for _ in CONTACT_TYPES]
    return tuple(
        (
            number * 10 + n,
            number,
            f"{first} {last}",
            f"{ascii_word(first)}.{ascii_word(last)}@{domain}",
            kind,
            updated,
        )
        for n, ((first, last), kind) in enumerate(zip(people, CONTACT_TYPES, strict=True))
    )


def ascii_word(name: str) -> str:
    """`Hôtel d'Estaing` as `hotel-d-estaing`, fit for an address."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")
