"""The rules of the workflow engine: state and event in, state and commands out; no I/O, no threads, no clock."""
