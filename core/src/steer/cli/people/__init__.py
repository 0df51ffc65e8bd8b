"""What jobs ask people: listed, shown, answered."""
