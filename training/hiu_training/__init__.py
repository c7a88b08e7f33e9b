"""Inputs and outcomes to a judged model."""
