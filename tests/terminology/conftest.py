"""Releases in these tests are in miniature: that a whole one has more rows is tested in test_whole.py alone."""

import pytest

from medrec.node.terminology import whole


@pytest.fixture(autouse=True)
def any_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(whole, "LEAST", {})
