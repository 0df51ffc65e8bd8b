"""What outsiders write is tried from wheels, in environments of its own: `nox -s third_party`."""

collect_ignore_glob = ["*"]
