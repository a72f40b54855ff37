"""Where executions and definitions are kept."""
