"""Paths of the page's own requests, which need the same token as the API."""

from __future__ import annotations

#: POST with a definition or an execution as JSON; returns its SVG.
DIAGRAM_PATH = "/page/diagram"
#: GET returns the embedded server's clock; POST moves it forward.
CLOCK_PATH = "/page/clock"
#: What the page requests outside of ``/api``.
GUARDED_PATHS = (DIAGRAM_PATH, CLOCK_PATH)
