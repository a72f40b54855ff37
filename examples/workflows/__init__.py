"""Workflows as code, one pattern a file: python -m examples.workflows.saga (CONDUCTOR_SERVER_URL says where)."""
