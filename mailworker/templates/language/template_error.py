"""What can be wrong with a template, in the words that Mailjet uses."""

from mailworker.errors import PermanentError

_NEAR = 40
_NOT_VALID = "not valid template"


class TemplateError(PermanentError):
    """The template cannot be rendered.

    The words are those of Mailjet's template language reference; they quote the template, never a value.
    """

    @property
    def on_one_line(self) -> str:
        """The same for the person who wrote the template, on one line, with what Mailjet's words mean."""
        words = " ".join(str(self).split())
        return f"{words}: a statement is not closed, not opened, or unknown" if _NOT_VALID in words else words


def unknown_identifier(name: str, source: str) -> TemplateError:
    """A variable without value and default, or a name that the language does not have."""
    return TemplateError(f"expression parsing error ## Unknown identifier: {name} ## near ## {source} ##")


def bad_expression(what: str, source: str) -> TemplateError:
    """An expression that cannot be read or computed."""
    return TemplateError(f"expression parsing error ## {what} ## near ## {source} ##")


def not_valid(source: str, position: int) -> TemplateError:
    """A statement that is not closed, not opened, or unknown."""
    return TemplateError(f"{_NOT_VALID} ## near ## {source[position : position + _NEAR]} ##")


def no_value(name: str) -> TemplateError:
    """A loop over an empty list (in the words that a user of Mailjet got)."""
    return TemplateError(f'No value for "{name}"')


def not_an_array(name: str) -> TemplateError:
    """A loop over something that has no elements."""
    return TemplateError(f'"{name}" is not an array value')


def too_much(what: str) -> TemplateError:
    """A bound of this renderer, which Mailjet does not document, was reached."""
    return TemplateError(f"template too large ## {what} ##")
