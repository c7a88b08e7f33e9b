"""Histories to model inputs."""
