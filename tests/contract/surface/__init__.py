"""The server's surface as its documents state it, and how the clients are made to touch each part of it."""
