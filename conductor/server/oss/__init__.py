"""Downloads and starts the open-source server, with an installed Java or the one of the extra ``oss``."""

from conductor.server.oss.launch import OssServer, start_oss_server

__all__ = ["OssServer", "start_oss_server"]
