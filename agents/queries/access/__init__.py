"""Who may touch which agents: now, at a past moment, and in a period."""
