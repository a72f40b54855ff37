"""For the tests of programs that use the SDK."""
