"""The real open-source server, launched from its published jar; needs Java 21 or later, which the extra ``oss`` brings."""

from conductor.server.oss.launch import OssServer, start_oss_server

__all__ = ["OssServer", "start_oss_server"]
