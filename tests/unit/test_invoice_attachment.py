"""Does the mail fit, and what happens when it does not."""

import base64
from typing import Literal

import pytest

from mailworker.errors import TooLarge
from mailworker.invoices import RenderedInvoice, SizeVerdict, decide, encoded_size, fit
from mailworker.invoices.attachment_size import message_size

LIMIT = 15_000_000


def pdf(size: int) -> RenderedInvoice:
    return RenderedInvoice(b"x" * size, "Facture-1.pdf", "")


@pytest.mark.parametrize("size", [0, 1, 2, 3, 4, 1000, 1001])
def test_the_encoded_size_is_base64s(size: int) -> None:
    assert encoded_size(size) == len(base64.b64encode(b"x" * size))


@pytest.mark.parametrize(
    ("size", "others", "policy", "shrunk", "verdict"),
    [
        (30_000, 5_000, "link", False, SizeVerdict.ATTACH),
        (11_249_850, 0, "link", False, SizeVerdict.ATTACH),  # to the byte
        (11_249_851, 0, "link", False, SizeVerdict.SHRINK),
        (11_249_850, 1, "link", False, SizeVerdict.SHRINK),  # the whole message decides
        (12_000_000, 0, "link", True, SizeVerdict.LINK),
        (12_000_000, 0, "fail", True, SizeVerdict.FAIL),
        (12_000_000, 0, "fail", False, SizeVerdict.SHRINK),
        (30_000, LIMIT, "link", True, SizeVerdict.LINK),
    ],
)
def test_the_verdict(
    size: int, others: int, policy: Literal["link", "fail"], shrunk: bool, verdict: SizeVerdict
) -> None:
    assert decide(size, others=others, limit=LIMIT, policy=policy, shrunk=shrunk) is verdict


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
