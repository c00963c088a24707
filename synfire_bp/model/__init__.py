"""A model file: from its text to what is trained."""
