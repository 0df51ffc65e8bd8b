"""A run in the foreground: asked for, shown as it goes, stopped, parked."""
