"""Required by Django to find the commands of this app."""
