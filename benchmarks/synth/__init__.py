"""What a synthetic region costs to make."""
