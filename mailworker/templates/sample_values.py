"""Believable values for every kind, for previews and tests. The people and companies do not exist."""

from collections.abc import Mapping
from typing import Any

_PORTAL = "https://client.horizon-telecom.example"
_ADMIN = "https://admin.horizon-telecom.example"
_STAFF = {"user_name": "Karim Benali", "support_email": "support-it@horizon-telecom.example"}

_FRENCH: Mapping[str, Mapping[str, Any]] = {
    "api_crmCommunicationCustomerWelcome": {
        "customer_name": "Claire Fontaine",
        "email": "claire.fontaine@example.com",
        "company_name": "Horizon Télécom",
        "login_url": f"{_PORTAL}/connexion",
        "support_url": f"{_PORTAL}/assistance",
    },
    "api_crmCommunicationCustomerInvoice": {
        "customer_name": "Claire Fontaine",
        "invoice_number": "FA-2026-004217",
        "invoice_date": "1er septembre 2026",
        "due_date": "30 septembre 2026",
        "total_amount": "47,88\u00a0€",
        "invoice_url": f"{_PORTAL}/factures/FA-2026-004217",
        "pay_url": f"{_PORTAL}/payer/FA-2026-004217?source=mail&langue=fr",
    },
    "api_crmCommunicationCustomerInvoiceReminder": {
        "customer_name": "Claire Fontaine",
        "invoice_number": "FA-2026-004217",
        "due_date": "30 septembre 2026",
        "days_overdue": 7,
        "total_amount": "47,88\u00a0€",
        "pay_url": f"{_PORTAL}/payer/FA-2026-004217",
    },
    "api_crmCommunicationUserWelcome": {
        **_STAFF,
        "email": "karim.benali@horizon-telecom.example",
        "role": "Conseiller clientèle",
        "login_url": f"{_ADMIN}/connexion",
        "temp_password": "Lune-Mercure-42",
    },
    "api_crmCommunicationUserPasswordReset": {
        "user_name": "Karim Benali",
        "reset_url": f"{_ADMIN}/mot-de-passe/9f3c1ab27de84c55",
        "expiry_time": "1 heure",
        "account": "karim.benali@horizon-telecom.example",
    },
    "api_crmCommunicationUserPasswordResetSuccess": {
        **_STAFF,
        "change_date": "12 septembre 2026 à 14\u00a0h\u00a034",
        "ip_address": "203.0.113.24",
    },
    "api_crmCommunicationUserPasswordChange": {
        **_STAFF,
        "change_date": "12 septembre 2026 à 14\u00a0h\u00a034",
        "changed_by": "Administrateur",
    },
    "api_crmCommunicationEmailVerification": {
        "user_name": "Claire Fontaine",
        "verification_url": f"{_PORTAL}/verifier/5b1d9c0e77",
        "verification_code": "482 913",
    },
    "api_crmCommunicationsBalanceExpired": {
        "customer_name": "Claire Fontaine",
        "service_name": "Mobile 50 Go",
        "expiry_date": "31 août 2026",
        "balance_type": "Données",
        "renewal_url": f"{_PORTAL}/renouveler/mobile-50",
    },
    "api_crmCommunicationsBalanceLow": {
        "customer_name": "Claire Fontaine",
        "service_name": "Mobile 50 Go",
        "current_balance": "6,2 Go",
        "threshold": "10 Go",
        "balance_type": "Données",
        "topup_url": f"{_PORTAL}/recharger/mobile-50",
    },
}

#: What reads otherwise in English, for every kind that has such a variable.
_ENGLISH: Mapping[str, Any] = {
    "invoice_date": "1 September 2026",
    "due_date": "30 September 2026",
    "total_amount": "€47.88",
    "role": "Customer advisor",
    "expiry_time": "1 hour",
    "change_date": "12 September 2026 at 14:34",
    "changed_by": "Administrator",
    "service_name": "Mobile 50 GB",
    "expiry_date": "31 August 2026",
    "balance_type": "Data",
    "current_balance": "6.2 GB",
    "threshold": "10 GB",
}


def sample_variables(kind: str, language: str = "fr") -> dict[str, Any]:
    """Every variable of a kind, optional ones too, with a believable value."""
    values = dict(_FRENCH[kind])
    if language == "en":
        values |= {name: value for name, value in _ENGLISH.items() if name in values}
    return values
