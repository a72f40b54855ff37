"""The functions that create steps, one for each task type."""
