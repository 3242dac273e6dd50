"""Delete agents at their source, keep their agent files, and restore them there."""
