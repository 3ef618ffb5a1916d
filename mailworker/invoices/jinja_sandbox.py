"""Jinja2, sandboxed: an invoice's data goes in, page source comes out."""

import traceback
from collections.abc import Callable, Mapping
from dataclasses import is_dataclass
from datetime import date, time
from decimal import Decimal
from typing import Any, NoReturn

from jinja2 import (
    Environment,
    FileSystemLoader,
    TemplateError,
    TemplateNotFound,
    TemplateSyntaxError,
    Undefined,
)
from jinja2.exceptions import SecurityError, UndefinedError
from jinja2.runtime import BlockReference, LoopContext, Macro, TemplateReference
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import Cycler, Joiner, Namespace

from mailworker.config.invoice import InvoiceSettings
from mailworker.errors import Misconfigured, RenderFailed
from mailworker.invoices.asset_files import OURS


class Unprintable(Undefined):
    """A missing variable: a template may ask whether it is there, never print it or loop over it."""

    __slots__ = ()

    def _refuse(self, *_args: Any, **_kwargs: Any) -> NoReturn:
        self._fail_with_undefined_error()

    __str__ = __iter__ = __len__ = __html__ = _refuse


#: What invoices are made of. Its methods compute; none of them opens, imports or runs anything.
_DATA = (str, int, float, Decimal, date, time, bytes, tuple, list, dict)
_OF_JINJA = (Macro, BlockReference, LoopContext, TemplateReference, Cycler, Joiner, Namespace)


#: A template may make up attributes' names.
_MOST_KNOWN = 10_000


class PlainDataEnvironment(ImmutableSandboxedEnvironment):
    """A sandbox that names what is allowed, not what is forbidden.

    Templates read plain data, and call its methods and Jinja's own helpers. A settings object, class or
    function that ever got into a template's data would be of no use there.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.known: dict[tuple[type, str], bool] = {}
        helpers = {name: self.globals[name] for name in ("range", "dict", "cycler", "joiner", "namespace")}
        self.globals.clear()
        self.globals.update(helpers)

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """Whether a template may read this: an attribute of data, or of Jinja's own objects.

        The answer follows from the object's type, so it is kept by it: it is asked 200 times a page.
        """
        key = type(obj), attr
        safe = self.known.get(key)
        if safe is None:
            if len(self.known) > _MOST_KNOWN:
                self.known.clear()
            safe = self.known[key] = _is_readable(obj) and super().is_safe_attribute(obj, attr, value)
        return safe

    def is_safe_callable(self, obj: Any) -> bool:
        """Whether a template may call this: a method of data, or a helper of Jinja's."""
        if any(obj is helper for helper in self.globals.values()) or isinstance(obj, _OF_JINJA):
            return super().is_safe_callable(obj)
        method = getattr(obj, "__wrapped__", obj)  # the sandbox wraps str.format
        return isinstance(getattr(method, "__self__", None), _DATA + _OF_JINJA)


def _is_readable(obj: Any) -> bool:
    if isinstance(obj, type):
        return False
    return isinstance(obj, _DATA + _OF_JINJA + (Undefined,)) or is_dataclass(obj)


class TemplateFiles(FileSystemLoader):
    """Reads an operator's templates anew when they change, the package's own once.

    An upgrade in place replaces the package's files under a running worker, whose code fits the old ones.
    """

    def get_source(self, environment: Environment, template: str) -> tuple[str, str, Callable[[], bool]]:
        """The source, its file, and whether it is still so."""
        source, filename, is_up_to_date = super().get_source(environment, template)
        return source, filename, (lambda: True) if filename.startswith(str(OURS)) else is_up_to_date


#: What is wrong with a file itself: one that is absent (an OSError), unreadable, not text or no template.
_OF_THE_FILES = (TemplateSyntaxError, UnicodeDecodeError, OSError)


class Templates:
    """The user's templates first, ours behind them; values are escaped, and Python is out of reach."""

    def __init__(self, settings: InvoiceSettings) -> None:
        folders = [str(folder) for folder in (settings.template_dir, OURS) if folder is not None]
        self.limit = settings.limits.html_bytes
        self.env = PlainDataEnvironment(
            loader=TemplateFiles(folders),
            autoescape=True,
            undefined=Unprintable,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=True,  # one look at each file's time: an edited template needs no restart
            cache_size=50,
        )

    def is_ours(self, name: str) -> bool:
        """Whether the name leads to one of the package's own templates."""
        filename = self._get(name).filename or ""
        return filename.startswith(str(OURS))

    def write(self, name: str, context: Mapping[str, Any]) -> str:
        """The page's source.

        Raises Misconfigured where no invoice at all can be written with the file as it is, RenderFailed where
        this one cannot; each with template, line and cause.
        """
        template = self._get(name)
        parts: list[str] = []
        size = 0
        try:
            for part in template.generate(context):
                size += len(part)
                if size > self.limit:
                    raise RenderFailed(
                        f"The template {name} writes more than {self.limit} characters "
                        "(invoice.limits.html_bytes): does it loop for ever?"
                    )
                parts.append(part)
        except _OF_THE_FILES as wrong:  # of one that this one includes
            raise Misconfigured(describe_fault(name, wrong)) from wrong
        except (TemplateError, TypeError, ValueError, ArithmeticError, LookupError, AttributeError) as wrong:
            raise RenderFailed(describe_fault(name, wrong)) from wrong
        if not any(map(str.strip, parts)):
            raise RenderFailed(f"The invoice template {name} writes nothing: the page would be blank.")
        return "".join(parts)

    def _get(self, name: str) -> Any:
        try:
            return self.env.get_template(name)
        except _OF_THE_FILES as wrong:
            raise Misconfigured(describe_fault(name, wrong)) from None


def describe_fault(name: str, wrong: Exception) -> str:
    """One sentence on a template's fault: which template, which line, and what."""
    if isinstance(wrong, TemplateSyntaxError):  # maybe of a file that this one includes
        return f"The invoice template {wrong.name or name}, line {wrong.lineno}: {wrong.message}."
    line = _line_of(wrong)
    where = f"The invoice template {name}, line {line}" if line else f"The invoice template {name}"
    if isinstance(wrong, UndefinedError):
        return f"{where}: {wrong.message}. Give the invoice this field, or test it with `is defined`."
    if isinstance(wrong, SecurityError):
        return f"{where}: does what templates may not do."
    if isinstance(wrong, UnicodeDecodeError | OSError):
        return f"{where}{_of_the_file(name, wrong)}."
    return f"{where}: a value does not fit its use ({type(wrong).__name__})."


def _of_the_file(name: str, wrong: UnicodeDecodeError | OSError) -> str:
    if isinstance(wrong, TemplateNotFound):
        return (
            f"{'' if wrong.name == name else f': {wrong.name}'} is not in invoice.template_dir, nor one of "
            "ours; put it into that folder, or into invoice_templates/ beside crm_config.yaml"
        )
    if isinstance(wrong, UnicodeDecodeError):
        return ": the file is not UTF-8 text; save it as UTF-8"
    return f": the file cannot be read ({wrong.strerror}); let this user read it"


def _line_of(wrong: Exception) -> int | None:
    """The innermost line of a template in the traceback; Jinja2 maps its frames to template lines."""
    frames = traceback.extract_tb(wrong.__traceback__)
    lines = [frame.lineno for frame in frames if frame.filename.endswith((".html", ".j2", ".htm", ".xml"))]
    return lines[-1] if lines else None
