"""The REST API at /v1/: Letta's for agents and tags, and what it lacks."""
