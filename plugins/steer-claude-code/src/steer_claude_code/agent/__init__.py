"""An agent as its author says it, checked and made ready: nothing here is run."""
