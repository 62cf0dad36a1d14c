"""Reading pages as a visitor does."""

import re
from typing import Any

from starlette.testclient import TestClient

from medrec.portal.people import handle
from tests.portal.story import Story


def text_of(html: str) -> str:
    """What is read: no tags, single spaces."""
    return " ".join(re.sub(r"<[^>]+>", " ", html).replace("&#39;", "'").split())


def read(client: TestClient, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200, answer.text
    return re.sub(r"</?(bdi|time)[^>]*>", "", answer.text)


def links(html: str) -> list[str]:
    return re.findall(r'href="([^"]+)"', html)


def person_page(story: Story) -> str:
    return f"/people/{handle(story.person.account)}"  # type: ignore[attr-defined]


def walk(client: TestClient) -> dict[str, Any]:
    """Every page that can be reached from the front page, by address."""
    seen: dict[str, Any] = {}
    waiting = ["/"]
    while waiting:
        path = waiting.pop()
        if path in seen or not path.startswith("/"):
            continue
        seen[path] = client.get(path)
        if "html" in seen[path].headers["content-type"]:
            waiting += [link.split("#")[0] for link in links(seen[path].text) if link.split("#")[0]]
    return seen
