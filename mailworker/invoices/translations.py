"""Every word that our templates print, in French and in English."""
# ruff: noqa: RUF001 - French typography has its own apostrophe

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Translation:
    """The labels of one language. Templates write `{{ w.due }}`."""

    language: str
    invoice: str
    credit_note: str
    issued: str
    due_by: str
    period: str
    period_to: str
    customer: str
    order: str
    corrects: str
    amount_due: str
    amount_credited: str
    description: str
    quantity: str
    unit_price: str
    rate: str
    amount: str
    discount: str
    subtotal: str
    net: str
    tax: str
    gross: str
    paid: str
    vat_title: str
    vat_basis: str
    how_to_pay: str
    by_transfer: str
    reference: str
    online: str
    pay_here: str
    scan_sepa: str
    scan_link: str
    nothing_due: str
    all_services: str
    late: str
    late_rate: str
    no_discount: str
    contact_short: str
    vat_id: str
    page: str
    of: str
    detail: str
    detail_online: str
    when: str
    service: str
    party: str
    volume: str
    carried: str
    carry: str
    detail_total: str
    line_total: str
    reverse_charge: str
    exempt: str
    intra_community: str
    export: str
    outside: str


_FR = Translation(
    language="fr",
    invoice="Facture",
    credit_note="Avoir",
    issued="Date d’émission",
    due_by="À régler avant le",
    period="Période",
    period_to="au",
    customer="N° client",
    order="Votre commande",
    corrects="Facture d’origine",
    amount_due="Montant à payer",
    amount_credited="Montant de l’avoir",
    description="Désignation",
    quantity="Qté",
    unit_price="Prix unitaire HT",
    rate="TVA",
    amount="Montant HT",
    discount="Remise",
    subtotal="Sous-total HT",
    net="Total HT",
    tax="Total TVA",
    gross="Total TTC",
    paid="Déjà payé",
    vat_title="Détail de la TVA",
    vat_basis="Base HT",
    how_to_pay="Comment payer",
    by_transfer="Par virement",
    reference="Référence",
    online="En ligne",
    pay_here="Payer cette facture",
    scan_sepa="Scannez avec votre application bancaire",
    scan_link="Scannez pour payer en ligne",
    nothing_due="Rien à payer : cette facture est réglée.",
    all_services="Services de la période",
    late="En cas de retard de paiement : {rate}, et indemnité forfaitaire pour frais de recouvrement "
    "de {fee}.",
    late_rate="pénalités au taux de trois fois l’intérêt légal",
    no_discount="Pas d’escompte pour paiement anticipé.",
    contact_short="Une question ?",
    vat_id="N° TVA",
    page="Page",
    of="sur",
    detail="Détail des communications",
    detail_online="Le détail des {count} communications se trouve dans votre espace client.",
    when="Date",
    service="Service",
    party="Correspondant",
    volume="Durée / volume",
    carried="Report",
    carry="À reporter",
    detail_total="Total des communications HT",
    line_total="Total de la ligne",
    reverse_charge="Autoliquidation",
    exempt="Exonération de TVA",
    intra_community="Livraison intracommunautaire exonérée, article 262 ter I du CGI",
    export="Exportation exonérée, article 262 I du CGI",
    outside="Hors champ de la TVA",
)

_EN = Translation(
    language="en",
    invoice="Invoice",
    credit_note="Credit note",
    issued="Date of issue",
    due_by="Please pay by",
    period="Period",
    period_to="to",
    customer="Customer no.",
    order="Your order",
    corrects="Original invoice",
    amount_due="Amount due",
    amount_credited="Amount credited",
    description="Description",
    quantity="Qty",
    unit_price="Unit price",
    rate="VAT",
    amount="Net amount",
    discount="Discount",
    subtotal="Subtotal",
    net="Total before VAT",
    tax="Total VAT",
    gross="Total with VAT",
    paid="Already paid",
    vat_title="VAT summary",
    vat_basis="Net",
    how_to_pay="How to pay",
    by_transfer="By bank transfer",
    reference="Reference",
    online="Online",
    pay_here="Pay this invoice",
    scan_sepa="Scan with your banking app",
    scan_link="Scan to pay online",
    nothing_due="Nothing to pay: this invoice is settled.",
    all_services="Services of the period",
    late="If paid late: {rate}, and a fixed recovery charge of {fee}.",
    late_rate="interest at three times the French legal rate",
    no_discount="No discount for early payment.",
    contact_short="Questions?",
    vat_id="VAT no.",
    page="Page",
    of="of",
    detail="Call details",
    detail_online="The details of your {count} calls are in your customer account.",
    when="Date",
    service="Service",
    party="Number",
    volume="Duration / volume",
    carried="Brought forward",
    carry="Carried forward",
    detail_total="Total of calls, before VAT",
    line_total="Total for this line",
    reverse_charge="Reverse charge",
    exempt="Exempt from VAT",
    intra_community="Exempt intra-Community supply",
    export="Exempt export",
    outside="Outside the scope of VAT",
)

WORDS = {words.language: words for words in (_FR, _EN)}
