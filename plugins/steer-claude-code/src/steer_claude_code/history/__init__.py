"""What was said before, in the forms that steer, the API and the CLI have for it."""
