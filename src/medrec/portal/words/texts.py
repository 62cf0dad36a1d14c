"""A group of texts: English stands in the code, the other languages in the catalogues, found by group and name.

Texts are for a reader of nine to eleven years. `{name}` is filled in by `render.say`, which escapes what it is given.
A pair of texts is (one, many) and is chosen by the value `count`; other languages have as many forms as they need.
"""

from collections.abc import Mapping
from typing import Any

from medrec.portal import language

Text = str | tuple[str, str]
GROUPS: dict[str, "Texts"] = {}
"""Every group by its name, in the order of the files."""


class Texts(dict[str, Any]):
    """Texts by name, read in the language of the present visit; `plain` says that patients read them."""

    def __init__(self, group: str, texts: Mapping[str, Text], *, plain: bool = False) -> None:
        super().__init__(texts)
        self.group = group
        self.plain = plain
        assert group not in GROUPS, f"two groups of texts are called {group}"
        GROUPS[group] = self

    def __getitem__(self, name: str) -> Any:
        return language.translated(self.group, name, super().__getitem__(name))

    def get(self, name: str, default: Any = None) -> Any:
        """The text of a name, or the default as it is."""
        return self[name] if super().__contains__(name) else default

    def english(self) -> list[tuple[str, Text]]:
        """Names and texts as they stand in the code."""
        return list(super().items())
