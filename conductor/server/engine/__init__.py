"""The rules of the workflow engine, as pure code: no I/O, no threads, no clock.

The engine changes an execution in memory, and adds commands for everything that reaches beyond it.
"""
