"""The ten e-mail templates, in French and English, as they are pushed to Mailjet."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from mailworker.config.builtin_kinds import KINDS, USER_WELCOME, VERIFICATION
from mailworker.errors import BadInput
from mailworker.templates.header_and_footer import DEFAULT_BRANDS, Brand
from mailworker.templates.html_frame import compose_html, compose_text
from mailworker.templates.language.used_variables import VariableUse, variable_uses

LANGUAGES: tuple[str, ...] = ("fr", "en")
_FOLDER = Path(__file__).with_name("mail")

#: Kind -> subject in French and in English. The French are the manual page's; an invoice names its number.
SUBJECTS: Mapping[str, tuple[str, str]] = {
    "api_crmCommunicationCustomerWelcome": (
        "Bienvenue chez {{var:company_name}}",
        "Welcome to {{var:company_name}}",
    ),
    "api_crmCommunicationCustomerInvoice": (
        "Votre Facture - {{var:invoice_number}}",
        "Your Invoice - {{var:invoice_number}}",
    ),
    "api_crmCommunicationCustomerInvoiceReminder": (
        "Rappel de paiement - Facture en retard",
        "Payment reminder - Invoice overdue",
    ),
    "api_crmCommunicationUserWelcome": ("Bienvenue dans l'Équipe", "Welcome to the Team"),
    "api_crmCommunicationUserPasswordReset": (
        "Demande de réinitialisation de mot de passe",
        "Password reset request",
    ),
    "api_crmCommunicationUserPasswordResetSuccess": (
        "Mot de passe changé avec succès",
        "Password changed successfully",
    ),
    "api_crmCommunicationUserPasswordChange": (
        "Notification de changement de mot de passe",
        "Password change notification",
    ),
    "api_crmCommunicationEmailVerification": ("Vérifiez votre adresse e-mail", "Verify your e-mail address"),
    "api_crmCommunicationsBalanceExpired": (
        "Votre solde de service a expiré",
        "Your service balance has expired",
    ),
    "api_crmCommunicationsBalanceLow": ("Alerte de solde bas", "Low balance alert"),
}

#: The space before a French mark of a text part, where no line may break; not one inside of a tag.
_BEFORE_MARK = re.compile(r" (?=[:;?!](?:\s|\{%|$))", re.MULTILINE)
_OPTIONAL = frozenset(name for name, kind in KINDS.items() if kind.optional)
_WHY = {
    "fr": "Vous recevez ce message de service parce que vous avez un compte chez nous.",
    "en": "You receive this service message because you have an account with us.",
}
#: Why somebody reads this who may be no customer.
_WHY_ELSE = {
    VERIFICATION: {
        "fr": "Vous recevez ce message car cette adresse nous a été indiquée pour un compte.",
        "en": "You receive this message because this address was given to us for an account.",
    },
    USER_WELCOME: {
        "fr": "Message automatique du portail d\u2019administration.",
        "en": "Automatic message of the administration portal.",
    },
}
#: Of marketing, which an unsubscription stops.
_WHY_MARKETING = {
    "fr": "Vous recevez cet e-mail parce que vous \u00eates en relation avec nous.",
    "en": "You receive this e-mail because you are in contact with us.",
}
_UNSUBSCRIBE = {"fr": "Ne plus recevoir nos offres par e-mail", "en": "Stop receiving our offers by e-mail"}
_SWITCH_OFF = {"fr": "Ne plus recevoir ces alertes", "en": "Stop receiving these alerts"}


@dataclass(frozen=True, slots=True)
class MailTemplate:
    """One e-mail template in Mailjet's language, complete with frame and footer.

    `variables_used` are those of subject and both parts; one has a default only if it has it everywhere.
    """

    kind: str
    language: str
    subject: str
    html: str
    text: str
    variables_used: tuple[VariableUse, ...]


@lru_cache(maxsize=64)
def mail_template(
    kind: str, language: str = "fr", brand: Brand | None = None, *, service: bool = True
) -> MailTemplate:
    """The template of a kind; `service` as its configuration has it.

    Raises BadInput for a kind or a language that there is no template for.
    """
    faults = _faults(kind, language)
    if faults:
        raise BadInput(faults)
    fragments = Fragments(
        SUBJECTS[kind][LANGUAGES.index(language)], _read(kind, language, "html"), _read(kind, language, "txt")
    )
    return assemble(kind, language, fragments, brand or DEFAULT_BRANDS[language], service=service)


@dataclass(frozen=True, slots=True)
class Fragments:
    """A template's body, without frame and footer."""

    subject: str
    html: str
    text: str


def assemble(
    kind: str, language: str, fragments: Fragments, brand: Brand, *, service: bool = True
) -> MailTemplate:
    """The whole template, with a link to unsubscribe where it is no `service` mail and shows none itself.

    In a language that is none of ours it has no footer's sentence.
    """
    subject = fragments.subject
    leave = _UNSUBSCRIBE if not service else _SWITCH_OFF if kind in _OPTIONAL else {}
    if "unsub_link" in fragments.html.lower():
        leave = {}
    why = (_WHY_ELSE.get(kind, _WHY) if service else _WHY_MARKETING).get(language, "")
    footers = [_footer(why, leave.get(language, ""), language, ending) for ending in ("html", "txt")]
    html = compose_html(fragments.html, footers[0], brand, language)
    text = compose_text(fragments.text, footers[1], brand, language)
    return MailTemplate(kind, language, subject, html, text, variable_uses(subject, html, text))


def _faults(kind: str, language: str) -> list[str]:
    faults = []
    if kind not in SUBJECTS:
        faults.append(
            f"There is no e-mail template for the kind {kind!r}; there is one for {', '.join(SUBJECTS)}."
        )
    if language not in LANGUAGES:
        faults.append(f"There is no e-mail template in the language {language!r}; there is fr and en.")
    return faults


def _read(kind: str, language: str, ending: str) -> str:
    text = (_FOLDER / f"{kind}.{language}.{ending}").read_text(encoding="utf-8")
    return _BEFORE_MARK.sub("\u00a0", text) if (language, ending) == ("fr", "txt") else text


def _footer(why: str, leave: str, language: str, ending: str) -> str:
    if not why:
        return ""
    link = f"{{{{mj:unsub_link_{language}}}}}"
    if ending == "txt":
        colon = "\u00a0:" if language == "fr" else ":"
        return f"{why}\n{leave}{colon} {link}" if leave else why
    tail = f' <a href="{link}">{leave}</a>' if leave else ""
    return f"<p>{why}{tail}</p>"
