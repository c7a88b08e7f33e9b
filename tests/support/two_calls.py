"""A protocol whose rule is met more often than the published ones: a small region has cases."""

from __future__ import annotations

TWO_CALLS = """\
capacities = [20, 40, 60]
washout_days = 90

[definition]
id = "two_calls"
title = "Two calls in 30 days"
clauses = [{ source = "call", operator = ">=", count = 2, days = 30 }]
min_age = 18

[origins]
test = 2
"""
