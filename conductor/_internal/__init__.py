"""Internal functions that several packages share: parsing, durations, cron, logs, platforms."""
