"""Conductor servers for development and tests: ``python -m conductor.server``, or from Python.

``start_oss_server`` launches the real open-source server from its published jar.
"""

from conductor.server.oss.launch import OssServer, start_oss_server

__all__ = ["OssServer", "start_oss_server"]
