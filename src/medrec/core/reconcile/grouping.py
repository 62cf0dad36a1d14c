"""Which records are put together: those that share a name, and those that share a code that may be of several things
where nothing in their words speaks against it. The order of the records is without effect."""

from collections.abc import Iterable, Sequence


class Groups:
    """Places 0 to `count` - 1, each alone at first."""

    def __init__(self, count: int) -> None:
        self._parent = list(range(count))

    def root(self, place: int) -> int:
        """The first place of the group that a place is in."""
        parent = self._parent
        while parent[place] != place:
            parent[place] = parent[parent[place]]
            place = parent[place]
        return place

    def join(self, one: int, other: int) -> None:
        """Put two groups together."""
        one, other = self.root(one), self.root(other)
        self._parent[max(one, other)] = min(one, other)

    def by_names(self, names: Iterable[Iterable[str]]) -> dict[str, int]:
        """Join all places that share a name, given the names of each; answers with a place for each name."""
        seen: dict[str, int] = {}
        for place, held in enumerate(names):
            for name in held:
                first = seen.setdefault(name, place)
                if first != place:
                    self.join(first, place)
        return seen

    def by_codes(self, codes: Sequence[Iterable[str]], bare: Sequence[bool]) -> None:
        """Join places by codes that may be of several things ("other", "nut"), given those of each place and whether it
        has no words beside them.

        All with a code go together if those with words are in one group already. Else only those without words do: to
        which of the others they belong cannot be known.
        """
        holding: dict[str, list[int]] = {}
        for place, held in enumerate(codes):
            for code in held:
                holding.setdefault(code, []).append(place)
        roots = [self.root(place) for place in range(len(codes))]
        for _, places in sorted(holding.items()):
            told = {roots[place]: None for place in places if not bare[place]}
            together = places if len(told) < 2 else [place for place in places if bare[place]]
            for place in together[1:]:
                self.join(together[0], place)

    def places(self) -> list[list[int]]:
        """The groups, in the order of their first places."""
        found: dict[int, list[int]] = {}
        for place in range(len(self._parent)):
            found.setdefault(self.root(place), []).append(place)
        return list(found.values())
