"""Which model is in use, who decided it on which evidence, and MLflow's copy of that."""
