"""The model's three parts and how they are learned."""
