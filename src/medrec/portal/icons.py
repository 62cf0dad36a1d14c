"""Small drawings beside words, all from one hand: 24 by 24, one stroke. They carry no meaning of their own."""

from markupsafe import Markup

_SHAPES = {
    "home": "M4 11 12 4l8 7v8.5a.5.5 0 0 1-.5.5H15v-6H9v6H4.5a.5.5 0 0 1-.5-.5z",
    "record": "M7 3h7l4 4v14H7zM14 3v4h4M10 12h5M10 16h5",
    "look": "M2.5 12S6 5.5 12 5.5 21.5 12 21.5 12 18 18.5 12 18.5 2.5 12 2.5 12zM12 9a3 3 0 1 0 0 6 3 3 0 0 0 0-6z",
    "share": "M12 15V4M8 7.5 12 4l4 3.5M5 12v7.5h14V12",
    "more": "M4 7h16M4 12h16M4 17h16",
    "key": "M14.5 4a5.5 5.5 0 1 0 0 11 5.5 5.5 0 0 0 0-11zM10.5 13.5 4 20v0h3v-2h2v-2h2M16 8.5h.01",
    "people": "M9 11a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7zM3 20c0-3.5 2.5-6 6-6s6 2.5 6 6M16 4.5a3.2 3.2 0 0 1 0 6M17.5 14.3c2.2.8 3.5 3 3.5 5.7",
    "bell": "M6 16V11a6 6 0 0 1 12 0v5l1.5 2h-15zM10 20.5h4",
    "hide": "M4 4l16 16M9.5 5.9A9.6 9.6 0 0 1 12 5.5c6 0 9.5 6.5 9.5 6.5a17 17 0 0 1-2.7 3.4M6.2 7.6A17 17 0 0 0 2.5 12S6 18.5 12 18.5c1.6 0 3-.4 4.2-1",
    "card": "M3 6h18v12H3zM3 10h18M7 14.500h4",
    "ask": "M4 5h16v11H9l-5 4zM12 8v3M12 13.2h.01",
    "fix": "M4 20l1-4L16 5l3 3L8 19zM14 7l3 3",
    "choice": "M5 4h14v16H5zM8.5 12l2.5 2.5 4.5-5",
    "door": "M6 21V4h9v17M3 21h18M15 6h3v15M11.8 12.500h.01",
    "globe": "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM3 12h18M12 3c2.5 2.5 3.8 5.5 3.8 9s-1.3 6.5-3.8 9c-2.5-2.5-3.8-5.5-3.8-9S9.5 5.5 12 3z",
    "back": "M14.5 5 8 12l6.5 7",
    "next": "M9.5 5 16 12l-6.5 7",
    "tick": "M5 12.500l4.5 4.500L19 7.5",
    "cross": "M6 6l12 12M18 6 6 18",
    "clock": "M12 3.500a8.5 8.5 0 1 0 0 17 8.5 8.5 0 0 0 0-17zM12 7.500V12l3 2",
    "seal": "M12 3l7 3v5.500c0 4.5-2.8 7.7-7 9.5-4.2-1.8-7-5-7-9.500V6zM8.8 12l2.3 2.3 4.2-4.6",
    "alert": "M12 4 2.8 20h18.400zM12 10v4.500M12 17.200h.01",
    "find": "M10.5 4a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13zM15.5 15.5 20.5 20.5",
    "chart": "M4 4v16h16M7 15l4-5 3 3 5-7",
    "pill": "M10 4.500a4 4 0 0 0-5.6 5.600l9.5 9.500a4 4 0 0 0 5.6-5.600zM9 15l6-6",
    "place": "M12 21s7-6 7-11.500a7 7 0 0 0-14 0C5 15 12 21 12 21zM12 7a2.5 2.5 0 1 0 0 5 2.5 2.5 0 0 0 0-5z",
    "print": "M7 9V4h10v5M7 17H4V9h16v8h-3M7 14h10v6H7z",
}


def icon(name: str, classes: str = "") -> Markup:
    """The drawing of a name, hidden from those who listen to the page."""
    return Markup(
        '<svg viewBox="0 0 24 24" class="{}" aria-hidden="true" focusable="false" fill="none" stroke="currentColor" '
        'stroke-width="1.8" stroke-linecap="round" stroke-linejoin="round"><path d="{}"/></svg>'
    ).format(classes, _SHAPES[name])
