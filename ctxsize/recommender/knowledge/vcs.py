"""Version control."""

from __future__ import annotations

from ctxsize.recommender.rules import (
    EXISTS,
    Category,
    Content,
    Form,
    InsideAll,
    Kind,
    Rule,
    any_of,
    inside,
)

RULES = (
    Rule(
        "vcs.git",
        (".git",),
        Category.VCS,
        0.9,
        any_of(InsideAll(("HEAD", "objects", "refs")), Content(r"\Agitdir: ")),
        why=(
            "the repository itself: its index and logs change with every git command, and "
            "each change makes COPY of the context run again"
        ),
        traps=("scm_version_in_build",),
    ),
    Rule(
        "vcs.hg",
        (".hg",),
        Category.VCS,
        0.9,
        InsideAll(("store", "requires")),
        why="Mercurial's repository changes with every hg command",
    ),
    Rule(
        "vcs.svn",
        (".svn",),
        Category.VCS,
        0.9,
        inside("wc.db", "entries"),
        why="Subversion's working-copy data hold a second copy of every file",
    ),
    Rule(
        "vcs.jj",
        (".jj",),
        Category.VCS,
        0.9,
        inside("repo", "working_copy"),
        why="Jujutsu's store beside the git repository",
    ),
    Rule(
        "vcs.worktrees",
        (".worktrees",),
        Category.VCS,
        0.85,
        inside("*/.git"),
        why="work trees of git kept below the repository: each is a full copy of the tree",
    ),
    Rule(
        "vcs.attributes",
        (".gitattributes",),
        Category.VCS,
        0.4,
        EXISTS,
        why="git alone reads it",
        kind=Kind.FILE,
        volatile=False,
        form=Form.ANCHORED,
        traps=("scm_version_in_build",),
    ),
    Rule(
        "vcs.gitignore",
        (".gitignore",),
        Category.VCS,
        0.3,
        EXISTS,
        why="git alone reads it, though some tools prune by it",
        kind=Kind.FILE,
        volatile=False,
        form=Form.ANCHORED,
        traps=("scm_version_in_build",),
    ),
)
