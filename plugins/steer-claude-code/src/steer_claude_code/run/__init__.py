"""One run, from its question to what it comes to."""
