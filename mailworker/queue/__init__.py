"""How jobs travel on Redis: the envelope, and the streams with their groups of readers."""
