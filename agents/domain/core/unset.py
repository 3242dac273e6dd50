"""UNSET marks a field that an edit does not change."""

from typing import Final


class _Unset:
    def __repr__(self) -> str:
        return "UNSET"


UNSET: Final = _Unset()
