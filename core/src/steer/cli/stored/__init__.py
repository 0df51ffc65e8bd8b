"""What a storage keeps beside jobs: agents, sessions, files."""
