"""Is this an address that mail can go to?"""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from mailworker.core.canonical_address import canonical_address
from mailworker.core.email_syntax import normal_form
from mailworker.core.json_check import printable_name
from mailworker.core.message import Address
from mailworker.core.safe_text import one_line

#: The longest address that SMTP can carry (RFC 5321, section 4.5.3.1.3, less its angle brackets).
MAX_EMAIL = 254
MAX_NAME = 200


@lru_cache(maxsize=4096)
def normal_email(text: str) -> str:
    """The address in its normal form, domain in lower case.

    Raises ValueError with what is wrong; the text never repeats the address.
    """
    try:
        return normal_form(text, for_tests=True)
    except ValueError:
        raise ValueError(_what_is_wrong(text)) from None


def _what_is_wrong(text: str) -> str:
    """Our own words: those of the library repeat parts of the address."""
    local, at, domain = text.rpartition("@")
    if not at:
        return "it has no @"
    if not local or not domain:
        return f"nothing stands {'after' if local else 'before'} its @"
    if "." not in domain.strip("."):
        return "what stands after its @ is not a whole domain"
    if len(text) > MAX_EMAIL:
        return f"it is longer than mail servers take, {MAX_EMAIL} characters"
    return "mail servers do not take such characters, or not at such a place"


def read_address(value: Any, where: str, faults: list[str]) -> Address | None:
    """An address from `"a@b.fr"` or `{"email": ..., "name": ...}`; adds a fault and gives None otherwise."""
    if isinstance(value, str):
        value = {"email": value}
    if not isinstance(value, Mapping) or not isinstance(value.get("email"), str):
        faults.append(f'{where}: write an address, or {{"email": ..., "name": ...}}.')
        return None
    if unknown := set(value) - {"email", "name"}:
        names = ", ".join(sorted(printable_name(name) for name in unknown))
        faults.append(f"{where}: only email and name belong here, not {names}.")
    name = value.get("name") or ""
    if not isinstance(name, str):
        faults.append(f"{where}.name: must be text.")
        name = ""
    try:
        # A tab or a line break in a name is no reason for a customer to get nothing.
        return Address(normal_email(value["email"].strip()), one_line(name, MAX_NAME))
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


def distinct(addresses: Iterable[Address], besides: Iterable[Address] = ()) -> tuple[Address, ...]:
    """Each person once, as they are first written; none of those in `besides`."""
    seen = {canonical_address(one.email) for one in besides}
    found: list[Address] = []
    for one in addresses:
        if (name := canonical_address(one.email)) not in seen:
            seen.add(name)
            found.append(one)
    return tuple(found)
