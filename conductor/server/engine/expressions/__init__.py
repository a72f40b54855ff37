"""Expressions in parameters: ``${...}``, JSONPath as the OSS server's library evaluates it, and Java's string forms."""
