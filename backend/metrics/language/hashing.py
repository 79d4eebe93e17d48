"""Values that are keys over and over again: their hash is worked out once."""

from __future__ import annotations


class HashedOnce:
    """A base of frozen dataclasses; each says `__hash__ = HashedOnce.hash_once`, or its own would be made."""

    __slots__ = ("_hash",)
    __match_args__: tuple[str, ...]
    _hash: int

    def hash_once(self) -> int:
        """The hash of the fields, in their order."""
        try:
            return self._hash
        except AttributeError:
            object.__setattr__(
                self, "_hash", hash(tuple(getattr(self, name) for name in self.__match_args__))
            )
            return self._hash
