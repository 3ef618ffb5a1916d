"""One `api_crmCommunication...` block, and the kind that it makes."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from email_validator import EmailNotValidError, validate_email
from pydantic import AfterValidator, BeforeValidator, Field

from mailworker.config.catalogue import KINDS
from mailworker.config.duration import Duration
from mailworker.config.section import Section
from mailworker.core.kind import Kind, Variable, VariableType
from mailworker.core.message import Lane
from mailworker.core.nearest import did_you_mean

PREFIX = "api_crmCommunication"


def _mailbox(value: str) -> str:
    try:
        return validate_email(value, check_deliverability=False).normalized
    except EmailNotValidError as fault:
        raise ValueError(f"is not an e-mail address: {fault}") from None


class VariableBlock(Section):
    """A variable of a kind of the user's own.

    A bare name stands for a required text, or for a link where it ends in `_url`: what a template puts into
    `href` has to be one.
    """

    name: str
    type: VariableType = VariableType.TEXT
    required: bool = True
    secret: bool = False


@dataclass(frozen=True, slots=True)
class UnlistedVariables:
    """Stands for the `variables` that a kind of the user's own has to list and does not."""

    kind: str


def _listed(value: Any) -> Any:
    if isinstance(value, UnlistedVariables):
        hint = did_you_mean(value.kind, KINDS) or ";"
        raise ValueError(  # noqa: TRY004 - pydantic collects these
            f"{value.kind} is none of OmniCRM's kinds{hint} a kind of your own needs `variables: [...]`"
        )
    return value


def _from_bare_name(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    return {"name": value, "type": VariableType.URL if value.endswith("_url") else VariableType.TEXT}


class Translation(Section):
    """What changes for customers who read another language."""

    template_id: int = Field(gt=0)
    subject: str = Field(min_length=1, max_length=255)


class KindBlock(Section):
    """How one kind of e-mail looks and travels.

    The first four keys are OmniCRM's. The others are ours and may be left out: what the catalogue says of
    the kind holds then.
    """

    from_email: Annotated[str, AfterValidator(_mailbox)]
    from_name: str
    template_id: int = Field(gt=0, strict=True)
    subject: str = Field(min_length=1, max_length=255)
    languages: dict[str, Translation] = Field(default_factory=dict)
    variables: Annotated[
        tuple[Annotated[VariableBlock, BeforeValidator(_from_bare_name)], ...] | None,
        BeforeValidator(_listed),
    ] = None
    lane: Literal["urgent", "normal", "bulk"] | None = None
    lifetime: Duration | None = None
    resend_unknown_after: Duration | None = None
    service: bool | None = None

    def template(self, language: str) -> tuple[int, str]:
        """The Mailjet template's id and the subject for a reader of this language."""
        other = self.languages.get(language)
        return (other.template_id, other.subject) if other else (self.template_id, self.subject)

    def kind(self, name: str, known: Kind | None) -> Kind:
        """The kind that this block makes: the catalogue's, with what the block says otherwise."""
        base = known or Kind(name, ())
        own = tuple(Variable(v.name, v.type, v.required, v.secret) for v in self.variables or ())
        return Kind(
            name=name,
            variables=base.variables if self.variables is None else own,
            lane=base.lane if self.lane is None else Lane.from_word(self.lane),
            lifetime=base.lifetime if self.lifetime is None else self.lifetime,
            about_invoice=base.about_invoice,
            invoice_pdf=base.invoice_pdf,
            business_key=base.business_key,
            resend_unknown_after=self.resend_unknown_after or base.resend_unknown_after,
            service=base.service if self.service is None else self.service,
        )
