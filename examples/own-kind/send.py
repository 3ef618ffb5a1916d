"""What OmniCRM does: enqueue one e-mail of the new kind. The same contract twice is one e-mail."""

import os

from mailworker.client import MailClient


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
    client = MailClient(os.environ.get("REDIS_URL", "redis://127.0.0.1:6379/0"))
    print(contract_signed(client, "zoe@courriel.example", "Zoé Roussel", "C-2026-17"))
