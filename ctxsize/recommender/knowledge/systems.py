"""What operating systems leave in directories."""

from __future__ import annotations

from ctxsize.recommender.rules import UNTRACKED, Begins, Category, Content, InsideAll, Kind, Rule

RULES = (
    Rule(
        "os.dsstore",
        (".DS_Store",),
        Category.OS,
        0.97,
        Begins(("0000000142756431",)),
        why="the Finder's view of a directory, rewritten whenever it is looked at",
        kind=Kind.FILE,
    ),
    Rule(
        "os.appledouble",
        ("._*",),
        Category.OS,
        0.9,
        Begins(("00051607", "00051600")),
        why="the resource fork of another file, made by macOS on foreign disks",
        kind=Kind.FILE,
    ),
    Rule(
        "os.thumbs",
        ("Thumbs.db",),
        Category.OS,
        0.97,
        Begins(("d0cf11e0",)),
        why="previews that Windows Explorer keeps",
        kind=Kind.FILE,
    ),
    Rule(
        "os.desktopini",
        ("desktop.ini",),
        Category.OS,
        0.9,
        Content(r"(?i)\[(\.ShellClassInfo|ViewState|LocalizedFileNames)\]"),
        why="a folder's looks in Windows Explorer",
        kind=Kind.FILE,
    ),
    Rule(
        "os.trash",
        (".Trash-*",),
        Category.OS,
        0.9,
        InsideAll(("files", "info")),
        why="the wastebasket of a Linux desktop",
    ),
    Rule(
        "os.nfs",
        (".nfs[0-9a-f]*",),
        Category.OS,
        0.9,
        UNTRACKED,
        why="a deleted file that is still open on a network disk",
        kind=Kind.FILE,
    ),
)
