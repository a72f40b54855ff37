"""The families of tasks: how each is scheduled, run and canceled."""
