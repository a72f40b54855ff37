"""The REST API of the embedded server, with the paths, status codes and bodies of the OSS server."""
