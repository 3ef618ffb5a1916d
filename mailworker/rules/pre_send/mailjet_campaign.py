"""May a campaign that Mailjet sends still leave, seeing whom Mailjet would send it to?"""

from dataclasses import dataclass

from mailworker.core.plural import counted


@dataclass(frozen=True, slots=True)
class AudienceFacts:
    """What was counted right before.

    `strangers` are on Mailjet's list and not the CRM's, `pending` are contacts of whom Mailjet does not know
    the latest, `outside` are those that this environment may not mail; `reachable` get it.
    """

    strangers: int
    pending: int
    outside: int
    reachable: int


def check_audience(facts: AudienceFacts, name: str) -> list[str]:
    """Why the campaign of this name must not leave: Mailjet would send it to others than the ledger counts.

    Empty where it may.
    """
    sentences = {
        f"Mailjet's list has {counted(facts.strangers, 'contact')} whom the CRM does not have there, so "
        "nobody knows whether they may be written to: wait for the workers, take them off the list at "
        "Mailjet, or add them to the CRM.": facts.strangers,
        f"{counted(facts.pending, 'changed contact is', 'changed contacts are')} not pushed to Mailjet yet: "
        "wait for the workers, or run mailworker contacts sync, and send again.": facts.pending,
        f"{counted(facts.outside, 'contact is', 'contacts are')} not on worker.safelist, and Mailjet "
        "would send to them all the same: this environment sends no such campaign.": facts.outside,
    }
    if faults := [sentence for sentence, count in sentences.items() if count]:
        return faults
    return [] if facts.reachable else [f"{name}: nobody may get it any more; nothing was sent."]
