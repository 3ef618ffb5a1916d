"""Every e-mail template that this configuration has: ours with its brand, and the operator's own."""

from collections.abc import Mapping
from dataclasses import dataclass

from mailworker.config.builtin_kinds import KINDS
from mailworker.config.settings import Settings
from mailworker.core.kind import Kind
from mailworker.errors import BadInput
from mailworker.templates.header_and_footer import DEFAULT_BRANDS, Brand, brand_of
from mailworker.templates.own_template_files import OwnTemplates, own_templates
from mailworker.templates.shipped_templates import (
    LANGUAGES,
    SUBJECTS,
    Fragments,
    MailTemplate,
    assemble,
    mail_template,
)


@dataclass(frozen=True, slots=True)
class TemplateLibrary:
    """Gives templates by kind and language; a file of the operator's goes before ours."""

    brands: Mapping[str, Brand]
    own: OwnTemplates
    kinds: Mapping[str, Kind]

    def names(self) -> list[tuple[str, str]]:
        """(kind, language) of each template: ours, then the operator's further ones."""
        ours = [(kind, language) for kind in SUBJECTS for language in LANGUAGES]
        more = [one for one in self.own.subjects if one not in ours and self.own.has(*one)]
        return [*ours, *more]

    def strays(self) -> list[str]:
        """A sentence for each of the operator's files that no mail uses."""
        known = {*self.own.subjects, *((kind, language) for kind in SUBJECTS for language in LANGUAGES)}
        return self.own.strays([f"{kind}.{language}" for kind, language in known])

    def template(self, kind: str, language: str) -> MailTemplate:
        """The template. Raises BadInput where there is none for this kind and language."""
        brand = self.brands.get(language) or self.brands[LANGUAGES[0]]
        service = kind not in self.kinds or self.kinds[kind].service
        if self.own.has(kind, language):
            return assemble(kind, language, self._own_fragments(kind, language), brand, service=service)
        if kind not in SUBJECTS and kind in self.kinds:
            raise BadInput(
                f"{kind}: there is no template in {language}; write one: mailworker templates new {kind}"
            )
        return mail_template(kind, language, brand, service=service)

    def _own_fragments(self, kind: str, language: str) -> Fragments:
        subject = self.own.subjects.get((kind, language), "")
        if not subject and kind in SUBJECTS and language in LANGUAGES:
            subject = SUBJECTS[kind][LANGUAGES.index(language)]
        return Fragments(
            subject or kind, self.own.read(kind, language, "html"), self.own.read(kind, language, "txt")
        )


def template_library(settings: Settings) -> TemplateLibrary:
    """The templates of a configuration."""
    brands = {language: brand_of(settings, language) for language in LANGUAGES}
    return TemplateLibrary(brands, own_templates(settings), settings.kinds)


def sample_library() -> TemplateLibrary:
    """Ours alone, with the manual's example company: for who has no configuration."""
    return TemplateLibrary(DEFAULT_BRANDS, OwnTemplates(), KINDS)
