"""The task types: how each is scheduled, run and canceled."""
