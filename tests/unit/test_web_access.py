"""Who is let in, and which configuration is refused."""

import base64

import pytest
from starlette.requests import Request

from mailworker.config.settings import parse_settings
from mailworker.core.masked_secret import Secret
from mailworker.errors import ConfigError
from mailworker.web.basic_auth import BasicAuth

BASE = "mailjet: {api_key: a, api_secret: b}\n"


def basic(text):
    return "Basic " + base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    ("header", "admitted"),
    [
        (basic("mj:päss:word"), True),
        (basic("mj:päss:word").replace("Basic", "basic"), True),
        (basic("mj:pass"), False),
        (basic("mj:"), False),
        (basic(":"), False),
        ("Bearer " + basic("mj:päss:word")[6:], False),
        (basic("mj:päss:word").replace(" ", "  ") + " ", True),
        (basic("mj:päss:word").replace("c ", "c !"), False),
        ("Basic not-base64!", False),
        ("Basic é", False),
        ("Basic", False),
        ("", False),
    ],
)
def test_only_the_right_pair_is_let_in(header, admitted):
    request = Request({"type": "http", "headers": [(b"authorization", header.encode())]})
    assert BasicAuth("mj", Secret("päss:word")).admits(request) is admitted
    assert not BasicAuth(None, None).admits(request)


@pytest.mark.parametrize(
    ("web", "said"),
    [
        ("{webhook_user: a}", "webhook_user and webhook_password belong together"),
        ("{operator_password: a}", "operator_user and operator_password belong together"),
        ('{webhook_user: "a:b", webhook_password: c}', "crm_config.yaml:2: web.webhook_user"),
        ("{port: 70000}", "web.port"),
        ("{webhook_pasword: c}", "webhook_password"),
    ],
)
def test_a_wrong_section_is_told(web, said):
    with pytest.raises(ConfigError) as fault:
        parse_settings(f"{BASE}web: {web}\n", environ={})
    assert said in str(fault.value)


def test_the_passwords_do_not_print():
    web = parse_settings(f"{BASE}web: {{webhook_user: a, webhook_password: geheim}}\n", environ={}).web
    assert "geheim" not in f"{web!r} {web.model_dump_json()}"
