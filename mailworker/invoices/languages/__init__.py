"""What an invoice says in French and in English, and how a language writes dates and amounts."""
