"""The web page: executions, definitions, queues, workers and schedules of the embedded server or any other server.

It consists of plain files without a build step, and uses only ``/api`` of the same origin.
"""

from conductor.server.ui.files import HEADERS, PageFile, page_file

__all__ = ["HEADERS", "PageFile", "page_file"]
