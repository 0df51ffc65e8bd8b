"""What the suite of storages writes; apart from the checks, since another process loads it too."""
