"""Pieces for other libraries, each behind its own extra; nothing is imported before it is asked for."""
