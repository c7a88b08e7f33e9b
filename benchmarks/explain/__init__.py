"""Contributions from tables against LightGBM and shap."""
