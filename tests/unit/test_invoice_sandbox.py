"""The templates' sandbox holds no door to Python, whatever stands in a template."""

import inspect
import os
from datetime import date, time
from decimal import Decimal
from pathlib import Path
from types import FunctionType, ModuleType

import pytest
from jinja2 import Undefined
from jinja2.runtime import Macro

from mailworker.config.invoice import InvoiceSettings
from mailworker.errors import RenderFailed
from mailworker.invoices.from_json.invoice import read_invoice
from mailworker.invoices.jinja_sandbox import PlainDataEnvironment, Templates
from mailworker.invoices.json_to_pdf import InvoicePrinter
from mailworker.invoices.languages.locale_format import locale_format
from tests.unit.test_invoice_reading import MINIMAL

SELLER = {"name": "Opérateur", "iban": "FR7630006000011234567890189", "logo": "logo.png"}
LINES = [{"description": "Forfait", "amount": 100.0, "tax_rate": 20}]
RICH = MINIMAL | {
    "transactions": LINES,
    "total_amount": 100.0,
    "total_tax": 20.0,
    "pay_url": "https://h.example/p",
}
PLAIN = (str, int, float, bool, Decimal, date, time, bytes, type(None))


def settings(folder: Path, **changes) -> InvoiceSettings:
    return InvoiceSettings.model_validate(
        {"template_dir": folder, "template_filename": "mine.html"} | changes
    )


@pytest.fixture
def context():
    printer = InvoicePrinter(InvoiceSettings.model_validate({"seller": SELLER | {"logo": ""}}))
    invoice = read_invoice(RICH, printer.settings, language="fr")
    return printer._context(RICH, invoice, locale_format("fr"), detailed=True)


def test_no_object_in_reach_is_more_than_data(context):
    """Walks whatever a template can reach by names, items and calls, and calls whatever it may call."""
    env = PlainDataEnvironment()
    waiting, seen, calls = [("context", dict(context) | env.globals)], set(), 0
    while waiting:
        path, obj = waiting.pop()
        assert obj is env.globals["range"] or not isinstance(obj, ModuleType | FunctionType), path
        if isinstance(obj, dict):
            waiting += [(f"{path}[{name}]", value) for name, value in obj.items()]
        elif isinstance(obj, list | tuple):
            waiting += [(f"{path}[]", value) for value in obj]
        if type(obj) in seen or isinstance(obj, type):
            continue
        seen.add(type(obj))
        for name in dir(obj):
            value = env.getattr(obj, name)
            if isinstance(value, Undefined):
                continue
            if not callable(value):
                waiting.append((f"{path}.{name}", value))
            elif env.is_safe_callable(value):
                calls += 1
                waiting += [(f"{path}.{name}()", result) for result in results_of(value)]
    assert calls > 100
    strange = {kind for kind in seen if not issubclass(kind, (*PLAIN, dict, list, tuple))}
    homes = {kind.__module__.partition(".")[0] for kind in strange}
    assert homes <= {"mailworker", "jinja2", "builtins", "datetime", "decimal"}
    assert not any(hasattr(kind, "model_validate") for kind in seen), "no settings object"


def results_of(method):
    for arguments in ((), ("name",), (1,), ("a", "b"), (b"cposix\nsystem\n(S'true'\ntR.",)):
        try:
            yield method(*arguments)
        except Exception:  # noqa: BLE001 - wrong arguments; only what comes back matters
            continue


ESCAPES = [
    "{{ ours.seller.parse_raw('x') }}",
    "{{ ours.seller.parse_file('/etc/hostname') }}",
    "{{ ours.seller.model_validate({}) }}",
    "{{ ours.seller.__class__ }}",
    "{{ ''.__class__.__mro__ }}",
    "{{ ''|attr('__class__') }}",
    "{{ '{0.__class__}'.format(ours.inv) }}",
    "{{ '{0.__class__}'.format_map({'0': 1}) }}",
    "{{ ours.inv.__init__.__globals__ }}",
    "{{ self.__init__ }}",
    "{{ self._TemplateReference__context }}",
    "{{ cycler.__init__.__globals__.os.system('true') }}",
    "{{ lipsum.__globals__ }}",
    "{{ lipsum() }}",
    "{{ namespace.__init__ }}",
    "{{ joiner.__init__.__globals__ }}",
    "{{ range.__self__ }}",
    "{{ [].append(1) }}",
    "{{ ours.update({}) }}",
    "{{ ours.issued.fromtimestamp(1) }}{{ ours.inv.issued.fromtimestamp(1) }}",
    "{{ dict.fromkeys }}{{ dict.mro() }}",
    "{% macro m() %}{% endmacro %}{{ m._func }}",
    "{% for x in [1] %}{{ loop._iterator }}{% endfor %}",
    "{{ ours.inv|map(attribute='__class__')|list }}",
    "{{ [ours.inv]|map(attribute='__class__')|first }}",
    "{{ [ours.inv]|map('attr', '__dataclass_fields__')|first }}",
]


@pytest.mark.parametrize("source", ESCAPES)
def test_the_known_ways_out_are_closed(source, tmp_path, context):
    (tmp_path / "mine.html").write_text(source, "utf-8")
    with pytest.raises(RenderFailed):
        Templates(settings(tmp_path)).write("mine.html", context)


def test_a_class_or_a_settings_object_in_the_data_is_of_no_use(tmp_path):
    for source in (
        "{{ x.parse_raw('x') }}",
        "{{ x.model_dump() }}",
        "{{ x() }}",
        "{{ x.name }}",
        "{{ x.system('true') }}",
    ):
        (tmp_path / "mine.html").write_text(source, "utf-8")
        for value in (InvoiceSettings, InvoiceSettings().seller, os, open, inspect.getsource):
            with pytest.raises(RenderFailed):
                Templates(settings(tmp_path)).write("mine.html", {"x": value})


def test_what_templates_do_every_day_still_works(tmp_path, context):
    source = """{% macro line(t) %}{{ t.description|upper }} {{ "%.2f"|format(t.amount) }}{% endmacro %}
    {% for t in transactions %}{{ loop.index }}{{ loop.cycle('a', 'b') }} {{ line(t) }}{% endfor %}
    {{ date.split('T')[0] }} {{ ours.inv.issued.strftime('%Y') }} {{ ours.seller.name }} {{ '{}!'.format('x') }}
    {% set n = namespace(total=0) %}{% for i in range(3) %}{% set n.total = n.total + i %}{% endfor %}{{ n.total }}
    {{ client.get('phone', 'none') }} {{ client.items()|list|length }} {{ ours.w.page }} {{ dict(a=1).a }}
    {{ transactions|sum(attribute='amount') }} {{ transactions|map(attribute='description')|join(', ') }}
    {% set c = cycler('odd', 'even') %}{{ c.next() }}{{ c.next() }} {{ joiner(',')() }} {{ ours.due }}"""
    (tmp_path / "mine.html").write_text(source, "utf-8")
    given = Templates(settings(tmp_path, seller=SELLER | {"logo": ""})).write("mine.html", context)
    for expected in ("1a FORFAIT 100.00", "Opérateur", "x!", "none", "oddeven", "100.0", "2026"):
        assert expected in given
    assert not isinstance(given, Macro)


def test_an_edited_template_is_noticed(tmp_path):
    templates = Templates(settings(tmp_path))
    for number, source in enumerate(("first", "second")):
        path = tmp_path / "mine.html"
        path.write_text(source, "utf-8")
        os.utime(path, (number, number))
        assert templates.write("mine.html", {}) == source


def test_a_template_of_ours_outlives_an_upgrade_in_place(tmp_path, monkeypatch):
    """A package's files that are replaced under a running worker fit the next code, not this one."""
    ours = tmp_path / "ours"
    ours.mkdir()
    monkeypatch.setattr("mailworker.invoices.jinja_sandbox.OURS", ours)
    (ours / "invoice.html").write_text("{{ known }}", "utf-8")
    templates = Templates(settings(tmp_path))
    assert templates.write("invoice.html", {"known": "before"}) == "before"
    (ours / "invoice.html").write_text("{{ unheard_of }}", "utf-8")
    os.utime(ours / "invoice.html", (1, 1))
    assert templates.write("invoice.html", {"known": "meanwhile"}) == "meanwhile"
    (ours / "invoice.html").unlink()
    assert templates.write("invoice.html", {"known": "after"}) == "after"
