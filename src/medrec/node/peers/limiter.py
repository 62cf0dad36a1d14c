"""How often somebody may try something, by whatever name attempts are counted."""

import threading
from collections import OrderedDict


class Limiter:
    """At most `count` attempts by one name within `window_ms`; remembers `names_max` names, the latest."""

    def __init__(self, count: int, window_ms: int, names_max: int = 50_000) -> None:
        self._count, self._window_ms, self._names_max = count, window_ms, names_max
        self._lock = threading.Lock()
        self._attempts: OrderedDict[str, list[int]] = OrderedDict()

    def allow(self, name: str, now: int) -> bool:
        """Whether one more attempt is within the limit; it counts if it is."""
        with self._lock:
            recent = [time for time in self._attempts.get(name, ()) if time > now - self._window_ms]
            if len(recent) >= self._count:
                return False
            self._attempts[name] = [*recent, now]
            self._attempts.move_to_end(name)
            while len(self._attempts) > self._names_max:
                self._attempts.popitem(last=False)
            return True
