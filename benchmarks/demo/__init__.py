"""How long the demo takes, and its memory."""
