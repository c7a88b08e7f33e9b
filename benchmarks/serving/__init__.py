"""How long one score with reasons takes, over HTTP on the loopback."""
