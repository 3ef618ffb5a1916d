"""The form of an address, by the rules of `email-validator`: what nearly everybody has is known without it.

Loading the library takes longer than most commands' own work, for its patterns span all of Unicode.
"""

import re

_ATOM, _LABEL = r"[a-z0-9_!#$%&'*+/=?^`{|}~-]+", r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
#: A dot-atom of RFC 5322 and a domain of RFC 1034, both in small letters: its own normal form.
_PLAIN = re.compile(rf"{_ATOM}(?:\.{_ATOM})*@(?:{_LABEL}\.)+([a-z]{{2,}})", re.ASCII)
#: Not longer than a local part alone may be.
_PLAINLY_SHORT = 64
#: Names for special use (RFC 6761 and its like), of which the library says what goes.
_SPECIAL = frozenset({"arpa", "invalid", "local", "localhost", "onion", "test"})


def normal_form(text: str, *, for_tests: bool = False) -> str:
    """The address in its normal form, domain in lower case; `for_tests` takes those at `.test`, too.

    Raises ValueError with the library's words, which repeat parts of the address.
    """
    plain = _PLAIN.fullmatch(text) if len(text) <= _PLAINLY_SHORT else None
    if plain and plain[1] not in _SPECIAL and "--" not in text:
        return text
    from email_validator import validate_email

    return validate_email(text, check_deliverability=False, test_environment=for_tests).normalized
