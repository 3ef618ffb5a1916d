"""The only room that speaks to Mailjet."""
