"""Jobs after they were made: listed, followed, worked through."""
