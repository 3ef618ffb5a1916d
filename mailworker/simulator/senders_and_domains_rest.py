"""Who the account is: `apikey`, `myprofile`, `user`, as recorded; and who sends: `sender`, `dns`."""

from hashlib import sha256

from mailworker.simulator.api_answers import ApiAnswer, ApiRefusal, legacy_error, not_found, rows
from mailworker.simulator.api_request import ApiRequest
from mailworker.simulator.contacts_rest import refuse_address
from mailworker.simulator.rest_tables import Row, page
from mailworker.simulator.state import SimulatorState

_SINCE = "2026-01-01T00:00:00Z"
_PROFILE_TEXTS = (
    "AddressCity", "AddressCountry", "AddressPostalCode", "AddressState", "AddressStreet", "BillingEmail",
    "BirthdayAt", "CompanyName", "CompanyNumOfEmployees", "ContactPhone", "Features", "Industry", "JobTitle",
    "VATNumber", "Website",
)  # fmt: skip


def keys(call: ApiRequest, world: SimulatorState) -> ApiAnswer:
    """`GET /apikey`. As with Mailjet, the secret is in the answer: never log it."""
    settings = world.settings
    row = {
        "ACL": "",
        "APIKey": settings.api_key,
        "CreatedAt": _SINCE,
        "ID": 1,
        "IsActive": True,
        "IsMaster": True,
        "Name": "local Mailjet",
        "QuarantineValue": 0,
        "RegionID": 0,
        "Runlevel": "Normal",
        "SecretKey": settings.api_secret.reveal(),
        "Skipspamd": 1,
        "TrackHost": "track.local",
        "UserID": 1,
    }
    return page([row] if call.filters.get("APIKey", settings.api_key) == settings.api_key else [], call)


def profile(call: ApiRequest, _world: SimulatorState) -> ApiAnswer:
    """`GET /myprofile`."""
    texts = dict.fromkeys(_PROFILE_TEXTS, "")
    row = {
        **texts,
        "EstimatedVolume": 0,
        "Firstname": "Local",
        "ID": 1,
        "Lastname": "Mailjet",
        "UserID": 1,
        "VAT": 0,
    }
    return page([row], call)


def user(call: ApiRequest, _world: SimulatorState) -> ApiAnswer:
    """`GET /user`."""
    row = {
        "ACL": "",
        "CreatedAt": _SINCE,
        "Email": "account@example.com",
        "FirstIp": "127.0.0.1",
        "ID": 1,
        "LastIp": "127.0.0.1",
        "LastLoginAt": _SINCE,
        "Locale": "fr_FR",
        "MaxAllowedAPIKeys": 1,
        "Timezone": "Europe/Paris",
        "Username": "account@example.com",
        "WarnedRatelimitAt": "",
    }
    return page([row], call)


def senders(call: ApiRequest, world: SimulatorState) -> ApiAnswer:
    """`GET /sender`, by Email or Domain. Where any sender is active, every address asked for is."""
    wanted = call.filters.get("Email", "").lower()
    domain = call.filters.get("Domain", "").lower()
    made = list(world.senders.rows.values())
    asked = (wanted, f"*@{domain}" if domain else "")
    known = world.settings.senders or (asked if not made else ())
    rows_of = [*made, *(_sender(one.lower()) for one in known if one)]
    found = [
        row
        for row in rows_of
        if (not wanted or row["Email"] == wanted) and (not domain or row["Email"].endswith(f"@{domain}"))
    ]
    return page(found, call)


def create_sender(call: ApiRequest, world: SimulatorState) -> ApiAnswer:
    """`POST /sender`: inactive until it is validated."""
    email = str(call.fields.get("Email") or "").lower()
    if not email.startswith("*@"):
        refuse_address(email)
    if any(one.lower() == email for one in world.settings.senders):
        text = f'MJ18 A Sender resource with value "{email}" for Email already exists.'
        return legacy_error(400, text)
    return world.senders.create({**call.fields, "Email": email, "CreatedAt": _SINCE})


def sender(call: ApiRequest, world: SimulatorState) -> ApiAnswer:
    """`GET`, `PUT` and `DELETE /sender/{id}`."""
    if call.method == "DELETE":
        return world.senders.delete(call.number)
    if call.method == "PUT":
        return world.senders.update(call.number, call.fields)
    configured = {_number(one.lower()): _sender(one.lower()) for one in world.settings.senders}
    return rows([configured.get(call.number) or world.senders.row(call.number)])


def validate_sender(call: ApiRequest, world: SimulatorState) -> ApiAnswer:
    """`POST /sender/{id}/validate`: at once here, where Mailjet waits for a click or a DNS record."""
    made = world.senders.rows.get(call.number)
    if made:
        made["Status"] = "Active"
    return rows([{"Errors": {}, "GlobalError": "", "ValidationMethod": "ActivationEmail"}])


def dns(call: ApiRequest, world: SimulatorState) -> ApiAnswer:
    """`GET /dns/{domain}`: everything is in order."""
    domain = _domain(call, world)
    return rows(
        [
            {
                "DKIMRecordName": f"mailjet._domainkey.{domain}.",
                "DKIMRecordValue": "k=rsa; p=local",
                "DKIMStatus": "OK",
                "Domain": domain,
                "ID": _number(domain),
                "IsCheckInProgress": False,
                "LastCheckAt": _SINCE,
                "OwnerShipToken": "local",
                "OwnerShipTokenRecordName": f"mailjet._local.{domain}.",
                "SPFRecordValue": "v=spf1 include:spf.mailjet.com ?all",
                "SPFStatus": "OK",
            }
        ]
    )


def check_dns(call: ApiRequest, world: SimulatorState) -> ApiAnswer:
    """`POST /dns/{id}/check`."""
    _domain(call, world)
    ok = {"DKIMErrors": [], "DKIMStatus": "OK", "SPFErrors": [], "SPFStatus": "OK"}
    return rows([ok])


def _domain(call: ApiRequest, world: SimulatorState) -> str:
    """The domain asked about, by name or number. Refused where senders are named and it is of none."""
    asked, named = call.ids["id"].lower(), world.settings.senders
    made = (row["Email"] for row in world.senders.rows.values())
    domains = {email.rpartition("@")[2].lower() for email in (*named, *made)}
    found = [one for one in domains if asked in {one, str(_number(one))}] if named else [asked]
    if not found:
        raise ApiRefusal(not_found())
    return found[0]


def _sender(address: str) -> Row:
    return {
        "CreatedAt": _SINCE,
        "DNSID": _number(address.rpartition("@")[2]),
        "Email": address,
        "EmailType": "transactional",
        "Filename": "",
        "ID": _number(address),
        "IsDefaultSender": False,
        "Name": "",
        "Status": "Active",
    }


def _number(text: str) -> int:
    """A stable id for something that has only a name."""
    return int.from_bytes(sha256(text.encode()).digest()[:4], "big")
