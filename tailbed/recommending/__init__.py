"""Which deployment an experiment recommends for a goal, and how sure that is. docs/METHOD.md has the rules."""

from __future__ import annotations

from tailbed.recommending.goal_error import GoalError
from tailbed.recommending.loads import named_load as check_scenario
from tailbed.recommending.recommend import recommend, recommend_each

__all__ = ["GoalError", "check_scenario", "recommend", "recommend_each"]
