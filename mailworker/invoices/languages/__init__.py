"""An invoice's labels in French and in English, and how a locale writes dates and amounts."""
