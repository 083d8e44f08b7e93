"""Whether a context may be as it is: budgets, a baseline, and what changed."""

from __future__ import annotations
