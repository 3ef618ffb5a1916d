"""Messages of unknown outcome: Mailjet is asked by their CustomID, then they are settled."""
