"""Builders of steps, one for each task type."""
