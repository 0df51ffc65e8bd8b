"""The model requests of the CLI, on their way through the gate to the provider and back."""
