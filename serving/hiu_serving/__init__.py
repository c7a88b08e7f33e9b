"""A model to scores, worklists and pages."""
