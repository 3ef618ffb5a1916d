"""The operators' pages: what they show, in which language, and what can be done on them."""
