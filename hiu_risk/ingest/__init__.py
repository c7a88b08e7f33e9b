"""Local extracts to a store."""
