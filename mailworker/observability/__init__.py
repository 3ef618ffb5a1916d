"""Seeing what happens: logs, and what must never stand in them."""
