"""A run: from its plan to a model."""
