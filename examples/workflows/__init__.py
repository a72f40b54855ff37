"""Workflows, one pattern per file: python -m examples.workflows.saga (CONDUCTOR_SERVER_URL is the server)."""
