"""Background jobs. Stored tasks name these functions, so they are importable from here."""

from agents.tasks.bulk_worker import look_after_bulk, run_bulk

__all__ = ["look_after_bulk", "run_bulk"]
