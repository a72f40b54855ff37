"""Worker processes: ``parent`` starts and restarts them, ``spec`` describes what they run."""
