"""Nodes that wait until they are asked for."""

from collections.abc import Callable, Sequence
from typing import Any


class Waiting(dict[str, Any]):
    """A node by the name of its organisation, opened with `opening` when it is first asked for; to go through them
    opens all, in the order of their names here."""

    def __init__(self, names: Sequence[str], opening: Callable[[str], Any]) -> None:
        super().__init__()
        self._names, self._opening, self.waiting = tuple(names), opening, dict.fromkeys(names)

    @property
    def opened(self) -> list[Any]:
        """Those that were asked for."""
        return list(super().values())

    def __missing__(self, name: str) -> Any:
        if name not in self.waiting:
            raise KeyError(name)
        self[name] = self._opening(name)
        return self[name]

    def __setitem__(self, name: str, node: Any) -> None:
        self.waiting.pop(name, None)
        super().__setitem__(name, node)

    def __delitem__(self, name: str) -> None:
        if name in self.waiting:
            # Somebody's store is closed after this: it has been open.
            self[name]
        super().__delitem__(name)

    def __contains__(self, name: object) -> bool:
        return name in self.waiting or super().__contains__(name)

    def _all(self) -> dict[str, Any]:
        for name in list(self.waiting):
            self[name]
        # Who came later stands behind.
        order = dict.fromkeys([*self._names, *super().__iter__()])
        return {name: self[name] for name in order if name in self}

    def __iter__(self) -> Any:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())

    def keys(self) -> Any:
        return self._all().keys()

    def values(self) -> Any:
        return self._all().values()

    def items(self) -> Any:
        return self._all().items()
