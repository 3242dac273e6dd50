"""The names under which the queue stores tasks."""

from collections.abc import Callable
from typing import TypeVar

F = TypeVar("F", bound=Callable[..., object])


def stored_as(module: str) -> Callable[[F], F]:
    """Store the task under the name of this module, which must export it.

    Rows in the queue name the module of their function. Workers of 0.2.0 know only these names, and
    during an upgrade each version runs the tasks of the other. Remove after the next release.
    """

    def rename(function: F) -> F:
        function.__module__ = module
        return function

    return rename
