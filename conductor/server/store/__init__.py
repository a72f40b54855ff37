"""The SQLite database of executions, definitions, schedules and messages. All SQL of the server is in this package."""
