"""What OmniCRM does: enqueue one e-mail of the new kind. The same contract twice is one e-mail."""

import os

from mailworker.client import MailClient
from mailworker.config.settings import load_settings


def client(redis_url: str) -> MailClient:
    """A client that knows the kinds of `crm_config.yaml` (CRM_CONFIG names the file) beside the ten."""
    return MailClient(redis_url, kinds=load_settings().kinds)


def contract_signed(mail: MailClient, email: str, name: str, number: str) -> str:
    """The message's id, with which `mailworker messages show` follows it."""
    return mail.send(
        "api_crmCommunicationContractSigned",
        {"email": email, "name": name},
        {
            "customer_name": name,
            "contract_number": number,
            "contract_url": f"https://crm.alize.example/contracts/{number}",
        },
        idempotency_key=f"contract:{number}",
    )


if __name__ == "__main__":
    mail = client(os.environ.get("REDIS_URL", "redis://127.0.0.1:6379/0"))
    print(contract_signed(mail, "zoe@courriel.example", "Zoé Roussel", "C-2026-17"))
