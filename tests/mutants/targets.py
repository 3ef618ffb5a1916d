"""Which modules are mutated: what decides, claims, settles, adds up, reads and answers."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "mailworker"

#: Patterns below mailworker/. Not here: what only draws, prints for operators, or stands in for Mailjet.
DECIDING = (
    "rules/**/*.py",
    "intake/*.py",
    "limits/*.py",
    "dispatch/*.py",
    "deliveries/*.py",
    "ledger/*.py",
    "reminders/*.py",
    "balances/*.py",
    "campaigns/*.py",
    "contacts/*.py",
    "scans/*.py",
    "prepare/*.py",
    "queue/*.py",
    "core/*.py",
    "config/*.py",
    "crm/*.py",
    "crm/omnicrm/*.py",
    "crm/cgrates/*.py",
    "invoices/money.py",
    "invoices/totals.py",
    "invoices/languages/locale_format.py",
    "invoices/from_json/*.py",
    "invoices/choose_template.py",
    "invoices/vat_exemptions.py",
    "invoices/facturx_xml.py",
    "invoices/payment_terms.py",
    "invoices/file_store.py",
    "invoices/line_allowances.py",
    "invoices/mail_variables.py",
    "invoices/page/call_detail.py",
    "invoices/attachment_size.py",
    "invoices/requirements/*.py",
    "invoices/url_fetcher.py",
    "mailjet/*.py",
    "templates/**/*.py",
    "web/**/*.py",
    "tasks/*.py",
    "integrations/*.py",
    "observability/redaction.py",
    "crm_callbacks.py",
    "client.py",
    "mailjet_list_access.py",
    "scan_registry.py",
    "statistics_report.py",
    "export_and_erasure.py",
    "reconcile/*.py",
    "suppressions_by_hand.py",
    "wording/*.py",
)

#: (module, a part of the line as it stands there, kind of change or "" for all, why nobody could see the change).
EQUIVALENT: tuple[tuple[str, str, str, str], ...] = ()


def modules() -> dict[str, Path]:
    """Every module that is mutated, by its dotted name below mailworker; one without functions decides nothing."""
    found = {path for pattern in DECIDING for path in PACKAGE.glob(pattern)}
    return {dotted(path): path for path in sorted(found) if "def " in path.read_text("utf-8")}


def dotted(path: Path) -> str:
    """`rules.retry_backoff` for mailworker/rules/retry_backoff.py."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
