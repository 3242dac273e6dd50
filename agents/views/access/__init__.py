"""Pages that say who may touch which agents, now and in the past. For managers without a limit."""
