"""Workers, one thing a file: python -m examples.workers.configured (CONDUCTOR_SERVER_URL says where)."""
