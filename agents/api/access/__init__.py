"""Who may touch which agents, over the API."""
