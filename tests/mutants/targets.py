"""Which modules are mutated (what decides, claims, settles, adds up and answers), and which tests should notice."""

_UNIT = "tests/unit"
_LEDGER = ("tests/integration/test_ledger.py",)
_DISPATCH = (f"{_UNIT}/test_dispatch.py", f"{_UNIT}/test_dispatch_machine.py")
_CONTACTS = (f"{_UNIT}/test_contact_rules.py", "tests/integration/test_contacts.py")
_INVOICES = (
    f"{_UNIT}/test_invoice_reading.py",
    f"{_UNIT}/test_pdf_facturx.py",
    f"{_UNIT}/test_invoice_mail.py",
)
_JOB = (f"{_UNIT}/test_job.py", f"{_UNIT}/test_intake.py")

TARGETS: dict[str, tuple[str, ...]] = {
    "rules.pre_send_check": (f"{_UNIT}/test_last_step.py", *_DISPATCH),
    "rules.send_outcome": (f"{_UNIT}/test_outcome.py",),
    "rules.retry": (f"{_UNIT}/test_retry.py",),
    "rules.batch": (f"{_UNIT}/test_batch.py",),
    "rules.reminder_due": (f"{_UNIT}/test_dunning.py", f"{_UNIT}/test_dunning_histories.py"),
    "rules.dunning_exclusions": (f"{_UNIT}/test_dunning.py", f"{_UNIT}/test_reminder_asking.py"),
    "rules.reminder_grouping": (f"{_UNIT}/test_dunning_merging.py", f"{_UNIT}/test_reminder_scan.py"),
    "rules.quiet_hours": (f"{_UNIT}/test_quiet_hours.py",),
    "rules.balance_thresholds": (
        f"{_UNIT}/test_balances.py",
        f"{_UNIT}/test_scan_balances.py",
        f"{_UNIT}/test_job.py",
    ),
    "rules.delivery_status": (f"{_UNIT}/test_deliver_rules.py", f"{_UNIT}/test_deliveries.py"),
    "rules.holds": (f"{_UNIT}/test_holds.py", f"{_UNIT}/test_dispatch.py"),
    "rules.job.check": _JOB,
    "rules.job.fingerprint": _JOB,
    "rules.job.idempotency_key": _JOB,
    "intake.accept": (f"{_UNIT}/test_intake.py", f"{_UNIT}/test_scan_balances.py"),
    "dispatch.dispatcher": _DISPATCH,
    "dispatch.outgoing_mail": (*_DISPATCH, f"{_UNIT}/test_preparing.py"),
    "ledger.claiming": (*_LEDGER, *_DISPATCH),
    "ledger.record_outcome": (*_LEDGER, *_DISPATCH),
    "ledger.insert_messages": (*_LEDGER, f"{_UNIT}/test_intake.py"),
    "ledger.stuck_messages": (*_LEDGER, *_DISPATCH),
    "deliveries.recorder": (f"{_UNIT}/test_deliveries.py", "tests/integration/test_events.py"),
    "contacts.upsert": _CONTACTS,
    "invoices.totals": _INVOICES,
    "invoices.money": _INVOICES,
    "mailjet.send_response": (f"{_UNIT}/test_mailjet_answers.py",),
    "mailjet.transport": ("tests/integration/test_mailjet_gateway.py",),
}

#: (module, the line as it stands there, why a change of it changes nothing that anybody could see).
EQUIVALENT: tuple[tuple[str, str, str], ...] = ()
