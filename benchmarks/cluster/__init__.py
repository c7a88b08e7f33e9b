"""What Spark costs beside one machine, on one machine."""
