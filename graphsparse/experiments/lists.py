"""Lists as one types them: ``0.2,0.4,0.6``."""

from __future__ import annotations

from typing import Any


class Numbers(tuple[float, ...]):
    """Numbers between commas."""

    @classmethod
    def parse(cls, text: object) -> Numbers:
        """Read ``'0.2,0.4'``, a single number or a list.

        Raises:
            ValueError: If an entry is no number.
        """
        return cls(float(entry) for entry in _entries(text))


class Names(tuple[str, ...]):
    """Names between commas."""

    @classmethod
    def parse(cls, text: object) -> Names:
        """Read ``'teddy,random'`` or a list."""
        return cls(str(entry).strip() for entry in _entries(text))


def _entries(text: object) -> list[Any]:
    if isinstance(text, list | tuple):
        return list(text)
    return [entry for entry in str(text).strip('[]() ').split(',') if entry.strip()]
