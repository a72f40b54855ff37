"""Required by Django to find the migrations of this app."""
