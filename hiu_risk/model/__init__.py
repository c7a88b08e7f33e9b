"""The bundle: a model on disk as text, and the arithmetic that turns inputs into scores."""
