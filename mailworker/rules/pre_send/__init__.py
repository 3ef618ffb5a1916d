"""Right before a call: is a message still true, and may it still leave? One file for each sort of mail."""
