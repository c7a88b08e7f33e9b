"""A synthetic region with known truth."""
