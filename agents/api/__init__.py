"""The REST API at /v1/: Letta's routes for agents and tags, and ADE's own."""
