"""What is plainly an address needs no library, and is what the library would make of it."""

import subprocess
import sys

import pytest
from email_validator import EmailNotValidError, validate_email
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mailworker.core.email_syntax import normal_form

_LABELS = st.one_of(
    st.text("az09-", min_size=1, max_size=6),
    st.sampled_from(
        ["xn--caf-dma", "ab--cd", "a" * 63, "a" * 64, "-", "Client", "é", "exa\u0308mple", "_", ""]
    ),
)
_TLDS = st.sampled_from([
    "fr", "com", "example", "test", "local", "localhost", "invalid", "onion", "arpa", "x", "c0m", "1", "FR", "xn--p1ai",
    "рф", "fr.", "fr\n",
])  # fmt: skip
_LOCALS = st.one_of(
    st.text("az09.!#$%&'*+-/=?^_`{|}~", max_size=8),
    st.sampled_from(
        ["Info", "postmaster", "PostMaster", "a" * 64, "a" * 65, "é", '"a b"', "a b", "a@b", "\u212a"]
    ),
)


@settings(max_examples=250)
@given(_LOCALS, st.lists(_LABELS, min_size=1, max_size=3), _TLDS, st.booleans())
@example("a", ["b"], "fr", False)
@example("a", ["b"] * 30, "fr", True)
def test_it_is_what_the_library_makes_of_it(local, labels, tld, for_tests):
    text = f"{local}@{'.'.join([*labels, tld])}"
    try:
        wanted = validate_email(text, check_deliverability=False, test_environment=for_tests).normalized
    except EmailNotValidError:
        with pytest.raises(ValueError, match=r"."):
            normal_form(text, for_tests=for_tests)
    else:
        assert normal_form(text, for_tests=for_tests) == wanted


def test_for_most_addresses_the_library_is_not_even_loaded():
    code = (
        "import sys; from mailworker.core.email_syntax import normal_form;"
        "normal_form('claire.o+x@mail.client-2.fr'); sys.exit('email_validator' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0
