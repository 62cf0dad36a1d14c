"""Rooms: what visits leave in the memory of a process, for a while, each thing under a name and for its owner.

A room has so much space for each owner, and so much for all. Who has filled hers loses her own oldest thing; when the
whole is full, one of those gives way that belong to whoever has most. So nobody fills a room for others: who tries
pushes out himself.
"""

import threading
from typing import Generic, NamedTuple, TypeVar

Thing = TypeVar("Thing")


class _Place(NamedTuple, Generic[Thing]):
    thing: Thing
    owner: str
    site: str
    until: int


class Room(Generic[Thing]):
    """The things of one kind at one node; safe to use from several threads. Times are ms; a thing is over at its
    `until`."""

    def __init__(self, each: int, everybody: int) -> None:
        """Space for so many things of each owner, and for so many in all."""
        self._each, self._everybody = each, everybody
        self._lock = threading.Lock()
        self._places: dict[str, _Place[Thing]] = {}
        # By site and owner, the oldest first, and how many a site has.
        self._sites: dict[str, dict[str, dict[str, None]]] = {}
        self._counts: dict[str, int] = {}
        self._earliest = 0

    def put(self, name: str, thing: Thing, owner: str, until: int, now: int, site: str = "") -> None:
        """Keep a thing. `owner` is whoever is let in by a key or a session; where owners are cheap to be, as addresses
        are, `site` is what many of them belong to."""
        site = site or owner
        with self._lock:
            self._drop(name)
            mine = self._sites.get(site, {}).get(owner, {})
            if len(mine) >= self._each:
                self._drop(next(iter(mine)))
            if len(self._places) >= self._everybody:
                self._drop_over(now)
            if len(self._places) >= self._everybody:
                self._give_way(owner, site)
            self._places[name] = _Place(thing, owner, site, until)
            self._sites.setdefault(site, {}).setdefault(owner, {})[name] = None
            self._counts[site] = self._counts.get(site, 0) + 1
            self._earliest = min(self._earliest, until)

    def _give_way(self, owner: str, site: str) -> None:
        """Drop the oldest thing of whoever has most, what is about to come counted; of equals, of who brings it."""
        fullest = max(self._counts, key=lambda one: (self._counts[one] + (one == site), one == site))
        owners = self._sites[fullest]
        most = max(owners, key=lambda one: (len(owners[one]) + (one == owner), one == owner))
        self._drop(next(iter(owners[most])))

    def get(self, name: str, now: int) -> Thing | None:
        """A thing that is here and not over."""
        with self._lock:
            found = self._places.get(name)
        return found.thing if found is not None and now < found.until else None

    def of(self, owner: str, now: int) -> dict[str, Thing]:
        """The things of an owner whose site is herself, by name, the oldest first."""
        with self._lock:
            found = [(name, self._places[name]) for name in self._sites.get(owner, {}).get(owner, {})]
        return {name: one.thing for name, one in found if now < one.until}

    def renew(self, name: str, thing: Thing, until: int) -> None:
        """Another thing in the place of one that is here, until another time; nothing where it is gone."""
        with self._lock:
            before = self._places.get(name)
            if before is not None:
                self._places[name] = before._replace(thing=thing, until=until)
                self._earliest = min(self._earliest, until)

    def take(self, name: str, now: int) -> Thing | None:
        """A thing that is here and not over, which thereby leaves. Of two that take it at once, one has it."""
        with self._lock:
            found = self._drop(name)
        return found.thing if found is not None and now < found.until else None

    def _drop(self, name: str) -> _Place[Thing] | None:
        found = self._places.pop(name, None)
        if found is not None:
            owners = self._sites[found.site]
            del owners[found.owner][name]
            self._counts[found.site] -= 1
            if not owners[found.owner]:
                del owners[found.owner]
            if not owners:
                del self._sites[found.site], self._counts[found.site]
        return found

    def _drop_over(self, now: int) -> None:
        """Every thing that is over; looks through them only when one can be."""
        if now < self._earliest:
            return
        for name in [name for name, one in self._places.items() if one.until <= now]:
            self._drop(name)
        self._earliest = min((one.until for one in self._places.values()), default=now)
