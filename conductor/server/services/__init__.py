"""What the server offers, one file per resource; each call is one change of the kernel's state."""
