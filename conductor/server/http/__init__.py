"""The REST face of the embedded server: the open-source server's paths, status codes and bodies."""
