"""The web page: executions, definitions, queues, workers and schedules, for the embedded server and for any other.

Plain files without a build step; they talk to `/api` of the same origin and to no other host.
"""

from conductor.server.ui.files import HEADERS, PageFile, page_file

__all__ = ["HEADERS", "PageFile", "page_file"]
