"""Mailjet's template language: read, evaluated as Mailjet would, and looked through for its variables."""
