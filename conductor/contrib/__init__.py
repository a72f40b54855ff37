"""Integrations with other libraries. Each one needs its extra, and is imported only when it is used."""
