"""Feature engines side by side: same data, same features, same values, then times."""
