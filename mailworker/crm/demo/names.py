"""Names, places and plans of people and firms that do not exist."""

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
#: A plan's name, its price with tax in cents, and whether firms buy it.
PLANS = (
    ("Fibre Essentielle 500 Mb/s", 2999, False),
    ("Fibre Intense 2 Gb/s", 4199, False),
    ("Mobile 20 Go", 1099, False),
    ("Mobile 100 Go", 1999, False),
    ("Forfait Prépayé", 1500, False),
    ("Fibre Pro 1 Gb/s", 5988, True),
    ("Standard téléphonique Pro", 8940, True),
)
#: Kind of balance, the service it belongs to, its unit, and its allowance.
BALANCES = (
    ("Données", "Mobile 100 Go", "Go", 100),
    ("Données", "Mobile 20 Go", "Go", 20),
    ("Voix", "Forfait Prépayé", "min", 120),
    ("Monétaire", "Forfait Prépayé", "EUR", 15),
)
CONTACT_TYPES = ("facturation", "technique", "direction")
