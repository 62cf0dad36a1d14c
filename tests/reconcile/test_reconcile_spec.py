"""What has a name in the lists is in their specification."""

from pathlib import Path
from typing import get_args

from medrec.core.manifests.acts import ActKind
from medrec.core.reconcile.notices import NoticeRule
from medrec.core.reconcile.pairs import PairClass
from medrec.core.reconcile.rows import Conflict
from medrec.core.reconcile.taken import Rule

SPEC = (Path(__file__).resolve().parents[2] / "docs" / "spec" / "reconcile.md").read_text(encoding="utf-8")


def test_every_rule_class_conflict_notice_and_act_is_specified() -> None:
    names = [*Rule, *PairClass, *Conflict, *NoticeRule, *get_args(ActKind)]
    assert [name for name in names if f"`{name}`" not in SPEC] == []


def test_a_name_that_is_missing_would_be_found() -> None:
    assert "`no-such-rule`" not in SPEC
