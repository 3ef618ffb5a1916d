"""Does the mail fit, and what happens when it does not."""

import base64
from typing import Literal

import pytest

from mailworker.errors import TooLarge
from mailworker.invoices import RenderedInvoice, fit
from mailworker.invoices.attachment_size import encoded_size, message_size

LIMIT = 15_000_000


def pdf(size: int) -> RenderedInvoice:
    return RenderedInvoice(b"x" * size, "Facture-1.pdf", "")


@pytest.mark.parametrize("size", [0, 1, 2, 3, 4, 1000, 1001])
def test_the_encoded_size_is_base64s(size: int) -> None:
    assert encoded_size(size) == len(base64.b64encode(b"x" * size))


@pytest.mark.parametrize("policy", ["link", "fail"])
@pytest.mark.parametrize(
    ("full", "small", "others", "attached"),
    [
        (30_000, 1, 5_000, 30_000),
        (11_249_850, 1, 0, 11_249_850),  # to the byte
        (11_249_851, 1, 0, 1),
        (11_249_850, 1, 1, 1),  # the whole message decides
        (12_000_000, 11_249_850, 0, 11_249_850),
        (12_000_000, 11_249_851, 0, None),
        (12_000_000, 11_249_850, 1, None),
        (1, 1, 14_999_796, 1),
        (1, 1, 14_999_797, None),
    ],
)
def test_which_pdf_is_attached(
    full: int, small: int, others: int, attached: int | None, policy: Literal["link", "fail"]
) -> None:
    try:
        found = fit(pdf(full), lambda: pdf(small), others=others, limit=LIMIT, policy=policy).attachment
    except TooLarge:
        found = None
        assert policy == "fail"
    else:
        assert (found, policy) != (None, "fail")
    assert (len(found.pdf) if found else None) == attached


def test_a_pdf_that_fits_goes_out_as_it_is() -> None:
    full = pdf(1000)
    fitted = fit(full, lambda: pytest.fail("not needed"), others=0, limit=LIMIT, policy="link")
    assert (fitted.attachment, fitted.note) == (full, "")


def test_a_smaller_pdf_is_tried_before_the_policy() -> None:
    fitted = fit(pdf(20_000), lambda: pdf(5_000), others=0, limit=10_000, policy="fail")
    assert fitted.attachment == pdf(5_000)
    assert fitted.note == "The PDF was made smaller, from 20000 to 5000 bytes."


def test_the_mail_goes_with_its_link_where_the_policy_says_so() -> None:
    fitted = fit(pdf(20_000), lambda: pdf(15_000), others=0, limit=10_000, policy="link")
    size = message_size(15_000, 0)
    assert fitted.attachment is None
    assert (
        fitted.note == f"The message would have {size} bytes, the most is 10000: sent with the link instead."
    )


def test_the_mail_fails_where_the_policy_says_so() -> None:
    with pytest.raises(TooLarge, match=r"the most is 10000 \(invoice.oversize: fail\)"):
        fit(pdf(20_000), lambda: pdf(15_000), others=0, limit=10_000, policy="fail")
