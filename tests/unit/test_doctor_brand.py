"""What the doctor says of the operator's own name and address is what customers would really read."""

import pytest
import yaml

from mailworker.cli.doctor_checks.configuration import brand_faults
from mailworker.config.settings import parse_settings
from mailworker.templates.template_library import template_library

MANUALS = "Votre Entreprise"
STREET = "12 quai du Port"
SELLER = {"name": "Alizé SAS", "address": [STREET], "postcode": "13002", "city": "Marseille"}
POSTAL, ANSWERS = "no postal address", "no address for answers"


def settings_of(**sections):
    kind = {"from_email": "a@alize.example", "from_name": "A", "template_id": 1, "subject": "S"}
    mailjet = {"api_key": "k", "api_secret": "s", "api_crmCommunicationUserWelcome": kind}
    return parse_settings(yaml.safe_dump({"mailjet": mailjet, **sections}), environ={})


@pytest.mark.parametrize(
    ("brand", "seller", "said"),
    [
        ({}, {}, [f"“{MANUALS}” on invoices and in mails. Set invoice.seller."]),
        ({"name": "Alizé"}, {}, [f"“{MANUALS}” on invoices. Set invoice.seller.", f"Mails carry {POSTAL} and {ANSWERS}, "]),
        ({"name": "Alizé", "address": STREET, "support_email": "s@alize.example"}, {}, [f"“{MANUALS}” on invoices. Set"]),
        ({}, SELLER | {"email": "f@alize.example"}, []),
        ({}, {"name": "Alizé SAS"}, [f"Mails carry {POSTAL} and {ANSWERS}, for neither"]),
        ({}, SELLER, [f"Mails carry {ANSWERS}, for neither brand nor invoice.seller has one: set brand.support_email,"]),
        ({}, {"name": "Alizé SAS", "email": "f@alize.example"}, [f"Mails carry {POSTAL}, for neither"]),
        ({"address": STREET, "support_email": "s@alize.example"}, {"name": "Alizé SAS"}, []),
        ({"address": STREET}, {"name": "Alizé SAS"}, [f"Mails carry {ANSWERS}, for neither"]),
    ],
)  # fmt: skip
def test_the_doctor_says_what_customers_would_read(brand, seller, said):
    settings = settings_of(brand=brand, invoice={"seller": seller})
    found = list(brand_faults(settings))
    assert len(found) == len(said)
    assert all(part in fault for part, fault in zip(said, found, strict=True))
    library = template_library(settings)
    mails = [library.template(*name) for name in library.names()]
    in_mails = any(MANUALS in mail.html + mail.text for mail in mails)
    assert in_mails is any("in mails" in fault for fault in found)
    if not in_mails:
        assert all(STREET in mail.text for mail in mails) is not any(POSTAL in fault for fault in found)
        assert all("@alize.example" in mail.text for mail in mails) is not any(
            ANSWERS in fault for fault in found
        )
