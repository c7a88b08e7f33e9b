"""What is written about a model: the evaluation page, the model card, the TRIPOD+AI table."""
