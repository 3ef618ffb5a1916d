"""Random jobs, invoices and events: good ones with some parts replaced, taken away or added, and plain rubbish."""

import copy
import json
import math

from mailworker.config.builtin_kinds import INVOICE, KINDS

NASTY = [
    None, True, "", "\0", "\ud83d", "x" * 20_000, "é\u202e\u2028", "{{var:x}}", "'; DROP TABLE messages; --", "a@b.fr", "https://h.example/1",
    0, -1, 2**31, 2**63, 2**70, 10**30, 1e308, -0.0, 0.1 + 0.2, math.nan, math.inf, [], {}, [[[[]]]], {"": ""}, {"a": {"b": []}}, "2026-11-30",
    "9999-12-31T23:59:59-12:00", "0001-01-01T00:00:00+14:00", "2026-01-01T00:00:00Z", b"bytes".decode(), "FR", "EUR", "-5.00", "1e999999",
]  # fmt: skip
TEXTS = [
    "text",
    "text",
    "1 heure",
    "999999 jours",
    "2026-12-24",
    "9999-12-31T23:59:59-12:00",
    "0001-01-01",
    "99999999999",
]
INVOICE_BODY = {
    "invoice_number": "INV-1", "date": "2026-01-10", "due_date": "2026-02-10", "total_amount": 12.0, "total_tax": 2.0,
    "client": {"name": "Ana", "email": "ana@client.example"}, "transactions": [{"description": "x", "amount": 10.0, "tax_rate": 20}],
}  # fmt: skip


def value(dice, depth=0):
    """Anything that JSON can carry, and some of what it cannot."""
    if depth > 3 or dice.random() < 0.7:
        return copy.deepcopy(dice.choice(NASTY))
    if dice.random() < 0.05:
        return json.loads("[" * 500 + "]" * 500)
    inner = [value(dice, depth + 1) for _ in range(dice.randrange(4))]
    return (
        inner
        if dice.random() < 0.5
        else {dice.choice(["a", "id", "\0", "\ud800", "x" * 300, "é"]): one for one in inner}
    )


def mutated(dice, good):
    """A good thing with some of its parts replaced, taken away or added."""
    made = json.loads(json.dumps(good))
    for _ in range(dice.choice([0, 0, 1, 1, 2, 4])):
        place = made
        while isinstance(place, dict) and place and dice.random() < 0.5:
            inner = place[dice.choice(list(place))]
            if not isinstance(inner, dict):
                break
            place = inner
        if not isinstance(place, dict):
            continue
        name = dice.choice([*place, "unknown", "id", "version"]) if place else "unknown"
        if dice.random() < 0.2:
            place.pop(name, None)
        else:
            place[name] = value(dice)
    return made


def job(dice, number):
    """A job of any kind, for a stream or a task."""
    kind = KINDS[dice.choice(list(KINDS))]
    if dice.random() < 0.4:
        good = {
            "kind": INVOICE,
            "variables": {},
            "invoice": {**INVOICE_BODY, "invoice_number": f"INV-{number}"},
        }
    else:
        sample = {"url": "https://h.example/1", "integer": 3, "email": "a@b.fr", "list": [{"number": "1"}]}
        given = [one for one in kind.variables if not one.derived]
        variables = {one.name: sample.get(one.type.value, dice.choice(TEXTS)) for one in given}
        good = {
            "kind": kind.name,
            "to": f"z{number}@client.example",
            "variables": variables,
            "language": "fr",
            "customer_id": "7",
        }
        if dice.random() < 0.2:
            good |= {
                "cc": "c@b.fr",
                "send_at": "2026-12-01T09:00:00Z",
                "attachments": [{"filename": "a.pdf", "content_type": "a/b", "content": "eA=="}],
            }
    return mutated(dice, good | ({"idempotency_key": f"k{number}"} if dice.random() < 0.5 else {}))


def event(dice, number):
    """One event as Mailjet posts it."""
    good = {
        "event": dice.choice(["sent", "open", "bounce", "spam", "blocked", "unsub", "new"]),
        "time": 1_790_000_000 + number,
        "MessageID": number,
        "CustomID": f"m{number}",
        "email": "ana@client.example",
        "error": "text",
        "hard_bounce": True,
    }
    return mutated(dice, good)


def webhook_body(dice, number):
    """One webhook call's body: mostly events of every shape, sometimes cut, bent, or no events at all."""
    body = json.dumps([event(dice, number * 5 + one) for one in range(dice.randrange(1, 6))]).encode()
    if dice.random() < 0.7:
        return body
    cut = dice.randrange(len(body) + 1)
    return dice.choice(BENT)(body, cut, dice)


#: What a webhook call may be besides a list of events.
BENT = (
    lambda body, cut, _dice: body[:cut],
    lambda body, cut, _dice: body[:cut] + b"\xff\xfe\x00" + body[cut:],
    lambda body, cut, _dice: body[:cut] + b',{"event":"open","time":1e400,"MessageID":' + b"9" * 5_000 + b"}" + body[cut:],
    lambda body, _cut, _dice: b"[" + body[:-1] + b',{"event":"open","time":1,"MessageID":' + b"9" * 5_000 + b"}]]",
    lambda body, _cut, _dice: b"[" * 40 + body + b"]" * 40,
    lambda body, _cut, _dice: b"[" + b",".join([body] * 3) + b"]",
    lambda body, _cut, _dice: b"[" * 100_000,
    lambda body, _cut, _dice: b'{"a":' * 20_000,
    lambda body, _cut, _dice: b"\xef\xbb\xbf" + body,
    lambda body, _cut, _dice: body.decode().encode("utf-16"),
    lambda body, _cut, dice: dice.randbytes(dice.randrange(2_000)),
    lambda _body, _cut, dice: json.dumps(value(dice)).encode(),
    lambda _body, _cut, dice: json.dumps(event(dice, dice.randrange(10**6))).encode(),
    lambda _body, _cut, dice: json.dumps([[event(dice, 1)], value(dice), event(dice, 2)]).encode(),
    lambda _body, _cut, _dice: b"",
    lambda _body, _cut, _dice: b"event=open&time=1790000000&email=ana%40client.example",
    lambda body, _cut, _dice: body.replace(b'"time": 17', b'"time": "17').replace(b",", b'",', 1),
    lambda body, _cut, _dice: b"[NaN,Infinity,-Infinity,1e999," + body[1:],
    lambda body, _cut, _dice: b"[]" + body,
)  # fmt: skip
