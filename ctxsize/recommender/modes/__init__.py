"""Other ways to an ignore file than from evidence: each makes a plan, and proves it."""
