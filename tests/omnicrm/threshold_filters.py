"""What ThresholdS makes of an account's change, as CGRateS 0.11 has it (engine/account.go, engine/filters.go)."""

_COMPARE = {
    "*lte": lambda value, limit: value <= limit,
    "*lt": lambda value, limit: value < limit,
    "*gte": lambda value, limit: value >= limit,
    "*gt": lambda value, limit: value > limit,
}


def account_update(account, before):
    """The event; `before` are the balances' values by their UUID."""
    balances = [
        {"UUID": b.uuid, "ID": b.id, "Type": b.type, "Initial": before.get(b.uuid, 0.0), "Value": b.value}
        for b in account.balances
    ]
    return {"*eventType": "AccountUpdate"}, {
        "Tenant": account.tenant,
        "AccountID": account.name,
        "BalanceSummaries": balances,
    }


def matches(filters, event):
    """Whether all inline filters pass; what cannot be found passes none."""
    options, summary = event
    return all(_passes(one, options, summary) for one in filters)


def _passes(text, options, summary):
    kind, element, wanted = text.split(":", 2)
    head, *path = element.removeprefix("~").split(".")
    if head == "*opts":
        return kind == "*string" and str(options.get(path[0])) == wanted
    assert head == "*asm", text
    _, name, field = path
    found = next((b for b in summary["BalanceSummaries"] if b["ID"] == name), None)
    return found is not None and _COMPARE[kind](found[field], float(wanted))
