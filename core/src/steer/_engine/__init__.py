"""The engine: admit, drive, gate, commit, fan out. The only place where the parts meet."""
