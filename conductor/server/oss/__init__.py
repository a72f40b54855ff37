"""The real open-source server, launched from its published jar, on a Java that is there or from the extra ``oss``."""

from conductor.server.oss.launch import OssServer, start_oss_server

__all__ = ["OssServer", "start_oss_server"]
