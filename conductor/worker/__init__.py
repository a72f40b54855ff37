"""Workers: declare them, poll for their tasks, run them, deliver their results."""
