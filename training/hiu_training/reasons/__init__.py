"""Whether reasons are true of the model and steady, and pictures of them."""
