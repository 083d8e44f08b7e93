"""What is known without a name: tagged caches, what ignores itself, images of disks."""

from __future__ import annotations

from ctxsize.recommender.rules import (
    GIT_IGNORED,
    MIB,
    SELF_IGNORED,
    TAGGED,
    AtLeast,
    Begins,
    Category,
    Form,
    Kind,
    Rule,
    all_of,
)

RULES = (
    Rule(
        "any.cachedir",
        (),
        Category.CACHE,
        0.97,
        TAGGED,
        why=(
            "it holds a CACHEDIR.TAG, by which programs mark caches that backups and copies "
            "leave out"
        ),
        again="the program that wrote it",
        form=Form.ANCHORED,
        cleanable=True,
    ),
    Rule(
        "any.selfignored",
        (),
        Category.CACHE,
        0.8,
        SELF_IGNORED,
        why=(
            "it holds a .gitignore that ignores the whole directory, as tools write into "
            "their caches"
        ),
        again="the tool that wrote it",
        form=Form.ANCHORED,
    ),
    Rule(
        "any.gitignored",
        (),
        Category.ARTEFACT,
        0.6,
        all_of(AtLeast(1 * MIB), GIT_IGNORED),
        why="git ignores it and tracks nothing of it, so it exists on this machine alone",
        form=Form.ANCHORED,
    ),
    Rule(
        "any.gitignoredfile",
        (),
        Category.DATA,
        0.6,
        all_of(AtLeast(1 * MIB), GIT_IGNORED),
        why="git ignores it, so it exists on this machine alone",
        kind=Kind.FILE,
        form=Form.ANCHORED,
    ),
    Rule(
        "any.dockerimage",
        ("*.box",),
        Category.DATA,
        0.85,
        AtLeast(10 * MIB),
        why="a Vagrant box is a whole machine image",
        kind=Kind.FILE,
        volatile=False,
    ),
    Rule(
        "any.iso",
        ("*.iso",),
        Category.DATA,
        0.7,
        AtLeast(10 * MIB),
        why="an image of a disc",
        kind=Kind.FILE,
        volatile=False,
    ),
    Rule(
        "any.qcow",
        ("*.qcow2",),
        Category.DATA,
        0.8,
        AtLeast(10 * MIB),
        why="the disk of a virtual machine",
        kind=Kind.FILE,
        volatile=False,
    ),
    Rule(
        "any.dump",
        ("*.dump",),
        Category.DATA,
        0.6,
        AtLeast(10 * MIB),
        why="a dump of a database or of memory",
        kind=Kind.FILE,
        volatile=False,
    ),
    Rule(
        "any.sqldump",
        ("*.sql.gz",),
        Category.DATA,
        0.7,
        AtLeast(10 * MIB),
        why="a packed dump of a database",
        kind=Kind.FILE,
        volatile=False,
    ),
    Rule(
        "any.core",
        ("core.[0-9]*",),
        Category.DATA,
        0.9,
        all_of(AtLeast(10 * MIB), Begins(("7f454c46",))),
        why="the memory of a program that crashed",
        kind=Kind.FILE,
        volatile=False,
    ),
)
