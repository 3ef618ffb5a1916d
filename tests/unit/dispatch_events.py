"""What Mailjet tells in the dispatch machine, and what it means."""

from datetime import timedelta

from tests.rows import NOW

#: Mailjet's words, and what the ledger makes of them; a later one outweighs an earlier one.
TOLD = {
    "sent": "delivered",
    "open": "opened",
    "unsub": "unsubscribed",
    "blocked": "blocked",
    "bounce": "bounced",
    "spam": "spam",
}
#: After these nothing leaves for that address any more.
CLOSING = {"bounce", "spam"}


def event(word, custom_id, email, second):
    """One event as Mailjet posts it. The same word at the same second is the same event."""
    at = int((NOW + timedelta(seconds=second)).timestamp())
    why = {"hard_bounce": True, "error": "user unknown"} if word == "bounce" else {}
    return {"event": word, "time": at, "CustomID": custom_id, "email": email, "MessageID": 1} | why
