"""One `api_crmCommunication...` block, and the kind that it makes."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from mailworker.config.builtin_kinds import KINDS, RESEND_AFTER
from mailworker.config.duration import Duration
from mailworker.config.recipient_limit import RecipientLimitText
from mailworker.config.section import EmailAddress, Section
from mailworker.core.did_you_mean import did_you_mean
from mailworker.core.kind import Kind, RecipientLimit, Variable, VariableType
from mailworker.core.lane import Lane
from mailworker.core.language_tag import base_language, canonical_language

PREFIX = "api_crmCommunication"
_SHORTEST = timedelta(minutes=1)


def _one_line(value: str) -> str:
    if not value.isprintable():
        raise ValueError("must be on one line, without control characters")
    return value


def _variable_name(value: str) -> str:
    if not value.isidentifier():
        raise ValueError(f"{value} cannot be written as {{{{var:{value}}}}}: use letters, digits and _ only")
    return value


def _useful(value: timedelta) -> timedelta:
    if value < _SHORTEST:
        raise ValueError(
            f"{value.total_seconds():g} seconds are too short for a mail to leave: write 15m, 1h or 3d"
        )
    return value


class VariableBlock(Section):
    """A variable of a kind of the user's own.

    A bare name stands for a required text, or for a link where it ends in `_url`: what a template puts into
    `href` has to be one.
    """

    name: Annotated[str, AfterValidator(_variable_name)]
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


Subject = Annotated[str, Field(min_length=1, max_length=255)]


class KindTranslation(Section):
    """What changes for customers who read another language."""

    template_id: int = Field(gt=0)
    subject: Subject
    subjects: dict[str, Subject] = Field(default_factory=dict)
    from_name: Annotated[str, AfterValidator(_one_line)] = ""


def canonical_keys(value: Any) -> Any:
    """The block with its languages in one spelling: `EN` and `en_GB` become `en` and `en-gb`."""
    if not isinstance(value, dict):
        return value
    found: dict[str, Any] = {}
    for tag, block in value.items():
        # YAML 1.1 reads an unquoted `no`, Norwegian, as false.
        name = canonical_language("no" if tag is False else str(tag))
        if name is None:
            raise ValueError(f"{tag} is no language: write a tag like en, de or pt-br")
        if name in found:
            raise ValueError(f"{tag} stands there twice in two spellings; keep one block for {name}")
        found[name] = block
    return found


def _limit(given: RecipientLimit | str) -> RecipientLimit | None:
    return given if isinstance(given, RecipientLimit) else None


class KindBlock(Section):
    """How one kind of e-mail looks and travels.

    The first four keys are OmniCRM's. The others are ours and may be left out: what the catalogue has of
    the kind holds then.
    """

    from_email: EmailAddress
    from_name: Annotated[str, AfterValidator(_one_line)]
    template_id: int = Field(gt=0, strict=True)
    subject: Subject
    languages: Annotated[dict[str, KindTranslation], BeforeValidator(canonical_keys)] = Field(
        default_factory=dict
    )
    #: Subjects by state (`credit_note`, `before_due`, ...) where ours do not fit; see docs/configuration.md.
    subjects: dict[str, Subject] = Field(default_factory=dict)
    #: Where answers go; the sender's own address where it is left out.
    reply_to: EmailAddress | None = None
    variables: Annotated[
        tuple[Annotated[VariableBlock, BeforeValidator(_from_bare_name)], ...] | None,
        BeforeValidator(_listed),
    ] = None
    lane: Literal["urgent", "normal", "bulk"] | None = None
    lifetime: Annotated[Duration, AfterValidator(_useful)] | None = None
    #: What becomes of a message that Mailjet keeps denying: it is sent again, or a person is asked.
    when_unknown: Literal["resend", "ask"] | None = None
    resend_unknown_after: Duration | None = None
    service: bool | None = None
    #: How many of this kind one address may get in a time, as 5/h; none for no limit.
    at_most: RecipientLimitText | None = None

    def language_for(self, reader: str, fallbacks: tuple[str, ...] = ()) -> str:
        """Which of the block's languages this reader gets; empty for the block's own.

        The exact tag, then its language without region, then the same of each fallback.
        """
        for tag in (reader, *fallbacks):
            for name in (canonical_language(tag), base_language(tag)):
                if name and name in self.languages:
                    return name
        return ""

    def template(self, language: str) -> tuple[int, str]:
        """The Mailjet template's id and the subject for a reader of this language."""
        other = self.languages.get(self.language_for(language))
        return (other.template_id, other.subject) if other else (self.template_id, self.subject)

    def template_ids(self) -> tuple[int, ...]:
        """Its templates at Mailjet, in all its languages."""
        return (self.template_id, *(one.template_id for one in self.languages.values()))

    def state_subject(self, language: str, state: str) -> str:
        """The operator's subject for a state, in this language of the block; empty where none is given."""
        other = self.languages.get(language)
        return (other.subjects if other else self.subjects).get(state, "")

    def sender_name(self, language: str) -> str:
        """The sender's name for a reader of this language of the block."""
        other = self.languages.get(language)
        return (other.from_name if other else "") or self.from_name

    def kind(self, name: str, known: Kind | None) -> Kind:
        """The kind that this block makes: the catalogue's, with what the block overrides."""
        base = known or Kind(name, ())
        service = base.service if self.service is None else self.service
        resend_after, needs_proof = self._doubt(base, service=service)
        own = tuple(Variable(v.name, v.type, v.required, v.secret) for v in self.variables or ())
        return Kind(
            name=name,
            variables=base.variables if self.variables is None else own,
            lane=base.lane if self.lane is None else Lane.from_word(self.lane),
            lifetime=base.lifetime if self.lifetime is None else self.lifetime,
            about_invoice=base.about_invoice,
            invoice_pdf=base.invoice_pdf,
            business_key=base.business_key,
            resend_unknown_after=resend_after,
            resend_needs_proof=needs_proof,
            service=service,
            optional=base.optional,
            at_most=base.at_most if self.at_most is None else _limit(self.at_most),
        )

    def _doubt(self, base: Kind, *, service: bool) -> tuple[timedelta | None, bool]:
        """When a message that Mailjet denies is sent again (None: a person is asked), and if it needs proof.

        A time in the file is the operator's own judgement, so no proof is asked for. Without a word of the
        file mail that customers need is sent again, and advertising is not.
        """
        if self.when_unknown == "ask":
            return None, False
        if self.resend_unknown_after is not None:
            return self.resend_unknown_after, False
        if base.resend_unknown_after is not None and not base.resend_needs_proof:
            return base.resend_unknown_after, False
        return (RESEND_AFTER, True) if service or self.when_unknown == "resend" else (None, False)
