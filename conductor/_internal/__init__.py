"""What several packages need and users do not: parsing, durations, cron, logs, platforms."""
