"""Time and memory of the fairness audit."""
