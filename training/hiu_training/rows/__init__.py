"""Rows of people at dates: inputs, what happened to them, and which block they belong to."""
