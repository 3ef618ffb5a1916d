"""What each kind of mail is: one table to compare the catalogue with, since a changed cell changes what customers get.

Behind a variable's name: its type where it is no text; `?` it may be left out, `*` it is secret, `_` it may be
empty, `=` it is derived, `!` it may not be empty.
"""

import pytest

from mailworker.config.builtin_kinds import KINDS

TABLE = """
CustomerWelcome | normal | None | 2:00:00 proof | None | | service
customer_name email:email company_name login_url:url support_url:url

CustomerInvoice | normal | None | 2:00:00 proof | None | invoice_number | service about_invoice invoice_pdf
customer_name invoice_number! invoice_date due_date total_amount! invoice_url:url_ pay_url:url_ document_type?
payment_state? amount_due? paid_amount? corrected_number? pdf?= ask?=

CustomerInvoiceReminder | normal | 3 days, 0:00:00 | 2:00:00 proof | None | invoice_number days_overdue | service about_invoice
customer_name invoice_number! due_date days_overdue:integer total_amount! pay_url:url_ invoice_url:url?
account_url:url? days_left? last? part_paid? invoice_count? instalment? timing?= days_text?= several?= reply_to?=
invoices:list?

UserWelcome | normal | None | 2:00:00 proof | None | | service
user_name email:email role login_url:url temp_password?* support_email:email

UserPasswordReset | urgent | 1:00:00 | 0:05:00 | 5 mails of a kind in 1 hour | | service
user_name reset_url:url* expiry_time account? link_span?= link_until?=

UserPasswordResetSuccess | urgent | 3 days, 0:00:00 | 0:05:00 | None | | service
user_name change_date ip_address? support_email:email

UserPasswordChange | urgent | 3 days, 0:00:00 | 0:05:00 | None | | service
user_name change_date changed_by support_email:email

EmailVerification | urgent | 1 day, 0:00:00 | 0:05:00 | 5 mails of a kind in 1 hour | | service
user_name verification_url:url* verification_code?* account? expiry_time? link_span?= link_until?=

sBalanceExpired | normal | 3 days, 0:00:00 | 2:00:00 proof | None | | service optional
customer_name service_name expiry_date balance_type renewal_url:url_ is_credit?= ended_service?=

sBalanceLow | normal | 3 days, 0:00:00 | 2:00:00 proof | None | | service optional
customer_name service_name current_balance threshold balance_type topup_url:url_ threshold_owner? is_credit?=
balance_state?=
""".strip().split("\n\n")  # fmt: skip

BY_NAME = {f"api_crmCommunication{row.partition(' | ')[0]}": row.split("\n", 1) for row in TABLE}


def spelled(variable):
    kind = "" if variable.type == "text" else f":{variable.type}"
    marks = {
        "?": not variable.required,
        "*": variable.secret,
        "_": variable.blank,
        "=": variable.derived,
        "!": variable.filled,
    }
    return variable.name + kind + "".join(mark for mark, holds in marks.items() if holds)


@pytest.mark.parametrize("name", KINDS)
def test_a_kind_is_as_the_table_has_it(name):
    kind, (row, variables) = KINDS[name], BY_NAME[name]
    flags = [flag for flag in ("service", "optional", "about_invoice", "invoice_pdf") if getattr(kind, flag)]
    again = f"{kind.resend_unknown_after}{' proof' if kind.resend_needs_proof else ''}"
    assert [cell.strip() for cell in row.split("|")] == [
        name.removeprefix("api_crmCommunication"),
        kind.lane.name.lower(),
        str(kind.lifetime),
        again,
        str(kind.at_most),
        " ".join(kind.business_key),
        " ".join(flags),
    ]
    assert variables.split() == [spelled(one) for one in kind.variables]


def test_the_table_has_every_kind_and_no_default_but_an_empty_one():
    assert list(BY_NAME) == list(KINDS)
    assert {one.default for kind in KINDS.values() for one in kind.variables} == {"", ()}
    assert [one.name for kind in KINDS.values() for one in kind.variables if one.default == ()] == [
        "invoices"
    ]
