"""Blocking clients, one per resource of the server; import them from ``conductor``."""
