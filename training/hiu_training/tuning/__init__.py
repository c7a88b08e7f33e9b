"""The search for settings, at dates before those that judge."""
