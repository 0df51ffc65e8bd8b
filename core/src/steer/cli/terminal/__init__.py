"""What the program writes and reads: streams, colours, tables, lines, and a person who types."""
