"""Time and memory of a whole training, beside LightGBM and scikit-learn."""
