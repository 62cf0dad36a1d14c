"""What the build made (`tools/build_pages.mjs`): style sheets and scripts, read once, named by their content."""

import hashlib
from functools import lru_cache
from importlib import resources

MEDIA = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".webmanifest": "application/manifest+json",
}
STATIC = (
    *("icon.svg", "manifest.webmanifest", "passkey.js", "sign_in.js", "join.js", "opening.js", "scan.js"),
    "coming_back.js",
)
BUILT = ("portal-ltr.css", "portal-rtl.css", "portal.js", "push.js", "worker.js", "verify.js", "guarding.js")
NAMES = (*STATIC, *BUILT)
"""Every file that pages load."""


class NotBuiltError(Exception):
    """The pages' style and scripts were not built; `tools/set_up run` builds them."""


@lru_cache
def data(name: str) -> bytes:
    """The bytes of a file of NAMES. Raises NotBuiltError."""
    folder = "static" if name in STATIC else "built"
    try:
        return (resources.files("medrec.portal") / folder / name).read_bytes()
    except OSError:
        raise NotBuiltError(f"{name} was not built; run tools/set_up run.") from None


def version(name: str) -> str:
    """What changes in the address of a file when its content changes; "none" while it was not built."""
    try:
        return _digest(name)
    except NotBuiltError:
        return "none"


@lru_cache
def _digest(name: str) -> str:
    return hashlib.sha256(data(name)).hexdigest()[:12]


def media(name: str) -> str:
    """The media type of a file."""
    return MEDIA["." + name.rsplit(".", 1)[1]]
