"""Workers, one topic per file: python -m examples.workers.configured (CONDUCTOR_SERVER_URL is the server)."""
