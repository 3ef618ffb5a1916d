"""Faults of crm_config.yaml."""

from tests.integration.doctor_faults.installation import Installation
from tests.integration.doctor_faults.registry import fault

READ = ("configuration",)
#: A real Mailjet, whom nobody asks here: what concerns customers is a fault, no note.
REAL = {"api_url": "https://api.mailjet.com/"}
#: Where that one and customers come.
PUBLIC = {"public_url": "https://mail.horizon-telecom.example"}


@fault(
    37,
    "a kind is missing",
    subjects=READ,
    says="api_crmCommunicationUserWelcome is missing",
    cure="Add it as in the manual",
)
def _(site: Installation) -> None:
    site.configure(mailjet=REAL | {"api_crmCommunicationUserWelcome": None}, web=PUBLIC)


@fault(38, "a key is misspelt", subjects=READ, says="crm_config.yaml:", cure="did you mean 'database_url'?")
def _(site: Installation) -> None:
    site.configure(worker={"databse_url": "sqlite:///x.db"})


@fault(
    39,
    "the file is missing",
    subjects=READ,
    says="crm_config.yaml: cannot be read",
    cure="create it, or name another file in CRM_CONFIG",
)
def _(site: Installation) -> None:
    site.file.unlink()


@fault(40, "the file is no YAML", subjects=READ, says="crm_config.yaml:2", cure="this is not YAML")
def _(site: Installation) -> None:
    site.file.write_text("mailjet: [\n", encoding="utf-8")


@fault(
    41, "the keys are the manual's", subjects=READ,
    says="mailjet.api_key is still the manual's", cure="set MAILJET_API_KEY in the environment",
    more=("mailjet.api_secret is still the manual's",),
)  # fmt: skip
def _(site: Installation) -> None:
    site.configure(
        mailjet=REAL | {"api_key": "your_mailjet_api_key", "api_secret": "your_mailjet_api_secret"},
        web=PUBLIC,
    )


@fault(
    42,
    "a time zone is misspelt",
    subjects=READ,
    says="no time zone is called 'Europe/Pariss'",
    cure="write one like Europe/Paris",
)
def _(site: Installation) -> None:
    site.configure(worker={"timezone": "Europe/Pariss"})


@fault(
    54, "the webhook is off", subjects=READ,
    says="The webhook refuses Mailjet's events", cure="set web.webhook_user and web.webhook_password",
)  # fmt: skip
def _(site: Installation) -> None:
    site.configure(mailjet=REAL, web=PUBLIC | {"webhook_user": None, "webhook_password": None})


@fault(
    56, "staging without a safelist", subjects=READ,
    says="every mail is suppressed", cure="add addresses or @domains to worker.safelist",
)  # fmt: skip
def _(site: Installation) -> None:
    site.configure(mailjet=REAL, worker={"environment": "staging"}, web=PUBLIC)
