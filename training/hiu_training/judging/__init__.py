"""How well a model ranks and how true its probabilities are, beside what it must beat."""
