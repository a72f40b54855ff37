"""One valid task for each task type."""
