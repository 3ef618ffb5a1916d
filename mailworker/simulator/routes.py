"""Which function answers which API path."""

import re
from collections.abc import Callable, Iterator

from mailworker.simulator import (
    campaign_figures_rest,
    campaigns_rest,
    contacts_rest,
    lists_rest,
    message_queries,
    senders_and_domains_rest,
    templates_and_event_urls_rest,
)
from mailworker.simulator.api_answers import ApiAnswer, ApiRefusal, front, legacy_error, not_found, rows
from mailworker.simulator.api_request import ApiRequest
from mailworker.simulator.known_resources import METHODS, is_object, unmodelled
from mailworker.simulator.rest_tables import Table
from mailworker.simulator.send_call import send
from mailworker.simulator.state import SimulatorState

Handler = Callable[[ApiRequest, SimulatorState], ApiAnswer]

_ID = r"(?P<id>[0-9]{1,19})"
_JOB = r"(?P<job>[0-9]{1,19})"
_NAME = r"(?P<id>[^/]+)"
_CHANGEABLE = ("GET", "PUT", "DELETE")


def _table(resource: str, table: Callable[[SimulatorState], Table]) -> Iterator[tuple[str, str, Handler]]:
    """What every table can do: show a page of its rows, show one, delete one."""
    yield "GET", resource, lambda call, world: table(world).page(call)
    yield "GET", f"{resource}/{_ID}", lambda call, world: rows([table(world).row(call.number)])
    yield "DELETE", f"{resource}/{_ID}", lambda call, world: table(world).delete(call.number)


#: Method, pattern of the path after `/v3/REST/`, and who answers. Names in the pattern become `call.ids`.
_REST: tuple[tuple[str, str, Handler], ...] = (
    ("GET", "message", message_queries.messages),
    ("GET", f"message/{_ID}", message_queries.message),
    ("GET", f"messagehistory/{_ID}", message_queries.history),
    ("GET", "messageinformation", message_queries.all_information),
    ("GET", f"messageinformation/{_ID}", message_queries.information),
    ("GET", "template", templates_and_event_urls_rest.templates),
    ("POST", "template", templates_and_event_urls_rest.create_template),
    ("GET", f"template/{_ID}", lambda call, world: rows([world.templates.table.row(call.number)])),
    ("PUT", f"template/{_ID}", templates_and_event_urls_rest.change_template),
    ("DELETE", f"template/{_ID}", templates_and_event_urls_rest.delete_template),
    ("GET", f"template/{_ID}/detailcontent", templates_and_event_urls_rest.template_content),
    ("POST", f"template/{_ID}/detailcontent", templates_and_event_urls_rest.change_content),
    ("PUT", f"template/{_ID}/detailcontent", templates_and_event_urls_rest.change_content),
    ("GET", "sender", senders_and_domains_rest.senders),
    ("POST", "sender", senders_and_domains_rest.create_sender),
    *((method, f"sender/{_ID}", senders_and_domains_rest.sender) for method in _CHANGEABLE),
    ("POST", f"sender/{_ID}/validate", senders_and_domains_rest.validate_sender),
    ("GET", "apikey", senders_and_domains_rest.keys),
    ("GET", "myprofile", senders_and_domains_rest.profile),
    ("GET", "user", senders_and_domains_rest.user),
    ("GET", f"dns/{_NAME}", senders_and_domains_rest.dns),
    ("POST", f"dns/{_ID}/check", senders_and_domains_rest.check_dns),
    ("GET", "contact", contacts_rest.contacts),
    ("POST", "contact", contacts_rest.create_contact),
    ("POST", "contact/managemanycontacts", lists_rest.start_import),
    ("GET", rf"contact/managemanycontacts/{_JOB}", lists_rest.import_status),
    ("GET", f"contact/{_NAME}", contacts_rest.contact),
    ("PUT", f"contact/{_NAME}", contacts_rest.change_contact),
    ("DELETE", f"contact/{_NAME}", contacts_rest.delete_contact),
    ("POST", f"contact/{_NAME}/managecontactslists", lists_rest.manage_lists),
    ("GET", f"contact/{_NAME}/getcontactslists", lists_rest.lists_of_contact),
    ("GET", "contactdata", contacts_rest.all_data),
    ("DELETE", f"contactdata/{_NAME}", contacts_rest.delete_data),
    ("GET", f"contactdata/{_NAME}", contacts_rest.contact_data),
    ("PUT", f"contactdata/{_NAME}", contacts_rest.change_data),
    *_table("contactmetadata", lambda world: world.contacts.definitions),
    ("POST", "contactmetadata", contacts_rest.create_definition),
    ("PUT", f"contactmetadata/{_ID}", contacts_rest.change_definition),
    ("GET", "contactslist", lists_rest.lists),
    ("POST", "contactslist", lists_rest.create_list),
    ("GET", f"contactslist/{_ID}", lists_rest.one_list),
    ("PUT", f"contactslist/{_ID}", lists_rest.change_list),
    ("DELETE", f"contactslist/{_ID}", lists_rest.delete_list),
    ("POST", f"contactslist/{_ID}/managecontact", lists_rest.manage_contact),
    ("POST", f"contactslist/{_ID}/managemanycontacts", lists_rest.start_import),
    ("GET", f"contactslist/{_ID}/managemanycontacts/{_JOB}", lists_rest.import_status),
    ("GET", "listrecipient", lists_rest.memberships),
    ("POST", "listrecipient", lists_rest.create_membership),
    *((method, f"listrecipient/{_ID}", lists_rest.membership) for method in _CHANGEABLE),
    *_table("contactfilter", lambda world: world.campaigns.segments),
    ("POST", "contactfilter", campaigns_rest.create_segment),
    ("PUT", f"contactfilter/{_ID}", campaigns_rest.change_segment),
    ("GET", "campaigndraft", campaigns_rest.drafts),
    ("POST", "campaigndraft", campaigns_rest.create_draft),
    ("GET", f"campaigndraft/{_ID}", campaigns_rest.draft),
    ("PUT", f"campaigndraft/{_ID}", campaigns_rest.change_draft),
    *(
        (method, f"campaigndraft/{_ID}/detailcontent", campaigns_rest.draft_content)
        for method in ("GET", "POST", "PUT")
    ),
    *(
        (method, f"campaigndraft/{_ID}/schedule", campaigns_rest.schedule)
        for method in ("GET", "POST", "DELETE")
    ),
    ("POST", f"campaigndraft/{_ID}/test", campaigns_rest.test),
    ("POST", f"campaigndraft/{_ID}/send", campaigns_rest.send),
    ("GET", f"campaigndraft/{_ID}/status", campaigns_rest.status),
    ("GET", "campaign", campaign_figures_rest.campaigns),
    ("GET", f"campaign/{_ID}", campaign_figures_rest.campaign_by_id),
    ("GET", rf"campaign/mj\.nl={_ID}", campaign_figures_rest.campaign),
    ("GET", "statcounters", campaign_figures_rest.counters),
    *_table("eventcallbackurl", lambda world: world.callbacks),
    ("POST", "eventcallbackurl", templates_and_event_urls_rest.create_callback),
    ("PUT", f"eventcallbackurl/{_ID}", templates_and_event_urls_rest.change_callback),
)
_MODELLED = frozenset(pattern.partition("/")[0] for _, pattern, _ in _REST)
ROUTES: tuple[tuple[str, re.Pattern[str], Handler], ...] = (
    ("POST", re.compile(r"/v3\.1/send"), send),
    ("DELETE", re.compile(f"/v4/contacts/{_ID}"), contacts_rest.erase_contact),
    (
        "GET",
        re.compile(f"/v3/DATA/batchjob/{_JOB}/JSONError/application:json/LAST", re.IGNORECASE),
        lists_rest.import_errors,
    ),
    *(
        (method, re.compile(f"/v3/REST/{pattern}", re.IGNORECASE), handler)
        for method, pattern, handler in _REST
    ),
)


def handle(call: ApiRequest, world: SimulatorState) -> ApiAnswer:
    """The API's answer to a call that passed the front servers."""
    allowed = False
    for method, pattern, handler in ROUTES:
        found = pattern.fullmatch(call.path)
        if found and method == call.method:
            call.ids = found.groupdict()
            try:
                return handler(call, world)
            except ApiRefusal as refusal:
                return refusal.answer
        allowed = allowed or bool(found)
    if not allowed and is_object(call.path, _MODELLED):
        return not_found()
    missing = unmodelled(call.path)
    if missing and (not allowed or f"{call.method} {missing}" in METHODS):
        return legacy_error(501, f"Mailjet has {missing}; this local one does not model {call.method} of it.")
    return _no_such_method(call) if allowed else _no_such_path(call)


def _no_such_method(call: ApiRequest) -> ApiAnswer:
    resource = call.path.split("/")[3] if call.path.count("/") > 2 else call.path
    return legacy_error(405, f'Method not allowed: {call.method} on "{resource}"')


def _no_such_path(call: ApiRequest) -> ApiAnswer:
    """Recorded: REST names its module, everything else is the web server's 404."""
    if not call.path.startswith("/v3/"):
        return front(404, "Not Found")
    shown = call.path.removeprefix("/v3/")
    message = f'Could not determine HTTP module for request "{shown}"'
    return legacy_error(500, message, "EFPWebError")
