"""Mailjet's template language, and the ten e-mail templates in French and English."""
