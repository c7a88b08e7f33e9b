"""Time and memory of an evaluation."""
