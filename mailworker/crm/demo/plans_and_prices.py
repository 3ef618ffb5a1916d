"""What the invented operator sells: its plans with their prices, and what prepaid balances hold."""

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
