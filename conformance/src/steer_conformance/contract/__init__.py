"""The contract as data: what a plugin of each port has to make true."""
