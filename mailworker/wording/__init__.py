"""A mail's words in its reader's language: units, spans, states, and the subject that follows from them."""

from mailworker.wording.amounts_with_units import measured
from mailworker.wording.send_time_variables import MailFacts, finished
from mailworker.wording.subjects import mail_state, state_subject

__all__ = ["MailFacts", "finished", "mail_state", "measured", "state_subject"]
