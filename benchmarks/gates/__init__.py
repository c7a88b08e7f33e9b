"""How often the gates of a promotion stop the right model, and the wrong one."""
