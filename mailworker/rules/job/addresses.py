"""Is this an address that mail can go to?"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from email_validator import EmailNotValidError, validate_email

from mailworker.message import Address

#: Mailjet counts To, Cc and Bcc of one call together (Send API v3.1, error send-0015).
MAX_RECIPIENTS = 50


@lru_cache(maxsize=4096)
def normal_email(text: str) -> str:
    """The address in its normal form, domain in lower case.

    Raises ValueError with what is wrong; the text never repeats the address.
    """
    try:
        return validate_email(text, check_deliverability=False, test_environment=True).normalized
    except EmailNotValidError as fault:
        reason = str(fault).replace(text, "the address").split("\n", 1)[0].rstrip(".")
        raise ValueError(reason[:1].lower() + reason[1:]) from None


def read_address(value: Any, where: str, faults: list[str]) -> Address | None:
    """An address from `"a@b.fr"` or `{"email": ..., "name": ...}`; adds a fault and gives None otherwise."""
    if isinstance(value, str):
        value = {"email": value}
    if not isinstance(value, Mapping) or not isinstance(value.get("email"), str):
        faults.append(f'{where}: write an address, or {{"email": ..., "name": ...}}.')
        return None
    if unknown := set(value) - {"email", "name"}:
        faults.append(
            f"{where}: only email and name belong here, not {', '.join(sorted(map(str, unknown)))}."
        )
    name = value.get("name") or ""
    if not isinstance(name, str) or any(ord(character) < 32 for character in name):
        faults.append(f"{where}.name: must be one line of text.")
        return None
    try:
        return Address(normal_email(value["email"].strip()), name.strip())
    except ValueError as fault:
        faults.append(f"{where}.email: is not an e-mail address: {fault}.")
        return None


def read_addresses(value: Any, where: str, faults: list[str]) -> tuple[Address, ...]:
    """A list of addresses, from one or from several."""
    if value is None:
        return ()
    items = value if isinstance(value, list | tuple) else [value]
    read = [read_address(item, f"{where}[{index}]", faults) for index, item in enumerate(items)]
    return tuple(address for address in read if address is not None)
