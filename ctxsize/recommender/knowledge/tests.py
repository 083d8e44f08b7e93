"""Tests."""

from __future__ import annotations

from ctxsize.recommender.rules import EXISTS, Category, Form, Rule

RULES = (
    Rule(
        "tests.tests",
        ("tests",),
        Category.TESTS,
        0.35,
        EXISTS,
        why="tests, which a build that runs them needs",
        form=Form.ANCHORED,
        volatile=False,
        traps=(
            "test_stage",
            "workspace_member",
            "scm_version_in_build",
            "mentioned",
        ),
    ),
    Rule(
        "tests.test",
        ("test",),
        Category.TESTS,
        0.3,
        EXISTS,
        why="tests, which a build that runs them needs",
        form=Form.ANCHORED,
        volatile=False,
        traps=(
            "test_stage",
            "workspace_member",
            "scm_version_in_build",
            "mentioned",
        ),
    ),
    Rule(
        "tests.e2e",
        ("e2e",),
        Category.TESTS,
        0.5,
        EXISTS,
        why="tests of the running system",
        form=Form.ANCHORED,
        volatile=False,
        traps=(
            "test_stage",
            "workspace_member",
            "scm_version_in_build",
            "mentioned",
        ),
    ),
    Rule(
        "tests.benches",
        ("benches",),
        Category.TESTS,
        0.25,
        EXISTS,
        why="benchmarks; Cargo stops if a manifest names one that is missing",
        form=Form.ANCHORED,
        volatile=False,
        traps=(
            "test_stage",
            "workspace_member",
            "scm_version_in_build",
            "mentioned",
        ),
    ),
    Rule(
        "tests.examples",
        ("examples",),
        Category.TESTS,
        0.3,
        EXISTS,
        why="examples, which manifests and documentation may name",
        form=Form.ANCHORED,
        volatile=False,
        traps=(
            "test_stage",
            "workspace_member",
            "scm_version_in_build",
            "mentioned",
        ),
    ),
    Rule(
        "tests.testdata",
        ("testdata",),
        Category.TESTS,
        0.4,
        EXISTS,
        why="data for tests; Go embeds some of it",
        form=Form.ANCHORED,
        volatile=False,
        traps=(
            "test_stage",
            "workspace_member",
            "scm_version_in_build",
            "mentioned",
        ),
    ),
)
