"""Sources: sync with the servers where agents run, both ways."""
