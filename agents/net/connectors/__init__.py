"""Connectors: how ADE talks to the servers where agents run. `base` is the interface."""
