"""Finds functions, classes and methods that nothing of the product calls: `python -m tests.dead_code`, in `make lint`."""

import sys
from pathlib import Path

from vulture import Vulture

ROOT = Path(__file__).parents[1]
#: Called by frameworks, through these decorators.
DECORATORS = ["@app.*", "@*_validator", "@*.callback", "@*.connect"]
#: Called by somebody else than this product's code.
OUTSIDE = {
    "OmnicrmMails": "OmniCRM",
    "init_app": "OmniCRM",
    "customer_welcome": "OmniCRM",
    "user_welcome": "OmniCRM",
    "password_reset": "OmniCRM",
    "password_reset_done": "OmniCRM",
    "password_changed": "OmniCRM",
    "verify_email": "OmniCRM",
    "readable": "io.BufferedReader",
    "BoundedScheduler": "Celery, by its name",
    "CarefulConsumer": "Celery, by its name",
    "DiscreetRequest": "Celery, by its name",
    "mailworker_about": "Celery's inspect",
    "process_bind_param": "SQLAlchemy",
    "process_result_value": "SQLAlchemy",
    "cert_verify": "requests",
    "get_redirect_target": "requests",
    "_build_layout_context": "WeasyPrint",
    "handle_starttag": "html.parser",
    "handle_data": "html.parser",
    "handle_endtag": "html.parser",
    "mailjet_simulator": "pytest, as a fixture of whoever uses the local Mailjet",
    "misbehave": "tests of whoever uses the local Mailjet",
    "behave": "tests of whoever uses the local Mailjet",
    "deactivate": "benchmarks, to compare with plain WeasyPrint",
    "dispatch_once": "tests, one call at a time",
    "artifact": "WeasyPrint",
    "get_unused_glyph_id": "WeasyPrint",
    "add_font": "WeasyPrint",
    "set_text_rise": "WeasyPrint",
}
KINDS = {"function", "method", "class", "property", "import"}


def unused() -> list[str]:
    """What nobody calls, as file:line: name."""
    found = Vulture(ignore_names=[*OUTSIDE, "upgrade"], ignore_decorators=DECORATORS)
    found.scavenge([str(ROOT / "mailworker"), str(ROOT / "tasks")])
    return [
        f"{Path(item.filename).relative_to(ROOT)}:{item.first_lineno}: {item.name} is used by nobody"
        for item in found.get_unused_code(min_confidence=60)
        if item.typ in KINDS
    ]


def main() -> int:
    """Print what is unused; 1 where there is any."""
    lines = unused()
    sys.stdout.writelines(f"{line}\n" for line in lines)
    return 1 if lines else 0


if __name__ == "__main__":
    raise SystemExit(main())
