"""The operations of the server, one file for each resource. Each call is one change of the kernel's state."""
