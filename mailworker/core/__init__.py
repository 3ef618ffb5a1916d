"""What everything else stands on: states, messages, kinds, the clock."""
