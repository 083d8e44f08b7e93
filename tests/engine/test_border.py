"""Where a repository ends, and which symlinks lead out of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from ctxsize.errors import InputError
from ctxsize.reader import border_of, holds, refuse_way_out, top_of
from tests.trees import build_tree, directory, link


@pytest.mark.parametrize(
    ("nodes", "expected"),
    [
        ([directory("a/.git"), directory("a/b/c")], "a"),
        ([directory("a/.git"), directory("a/b/.git"), directory("a/b/c")], "a/b"),
        (["a/b/.git", directory("a/b/c")], "a/b"),
        ([link("a/.git", "nowhere"), directory("a/b/c")], "a"),
        ([directory("a/b/c")], None),
    ],
)
def test_the_nearest_git_entry_is_the_top(
    nodes: list[object], expected: str | None, tmp_path: Path
) -> None:
    build_tree(tmp_path / "t", nodes)  # type: ignore[arg-type]
    top = (tmp_path / "t").resolve()
    inner = str(top / "a/b/c")
    assert top_of(inner) == (None if expected is None else str(top / expected))
    assert border_of(inner) == (inner if expected is None else str(top / expected))


def test_a_border_holds_what_symlinks_do_not_lead_out_of(tmp_path: Path) -> None:
    root = build_tree(
        tmp_path / "r", [directory("a"), link("out", ".."), link("back", "a"), directory("rr")]
    )
    assert holds(str(root.resolve()), str(root / "back/x"))
    assert not holds(str(root.resolve()), str(root / "out/x"))
    assert not holds(str(root.resolve() / "r"), str(root / "rr"))


WAYS = {
    "a file": ("r/x", None),
    "a file to be": ("r/new/x", None),
    "a link inside": ("r/inside", None),
    "a link out": ("r/out", "r/out"),
    "a link to nothing outside": ("r/nowhere", "r/nowhere"),
    "a directory that is a link out": ("r/dir/x", "r/dir"),
    "a directory that is a link to another repository": ("r/other/x", "r/other"),
    "a link out without a repository": ("plain/out", "plain/out"),
    "a link inside without a repository": ("plain/inside", None),
    "up from behind a link": ("r/dir/../elsewhere/x", "r/dir"),
    "a device": ("/dev/stdout", None),
}


@pytest.mark.parametrize("case", WAYS)
def test_a_symlink_out_of_the_repository_is_found(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, expected = WAYS[case]
    build_tree(
        tmp_path / "t",
        [
            *("r/.git", "r/x", "elsewhere/x", "other/.git", "plain/x"),
            *(
                link("r/inside", "x"),
                link("r/out", "../elsewhere/x"),
                link("r/dir", "../elsewhere"),
            ),
            *(link("r/nowhere", "../elsewhere/new"), link("r/other", "../other")),
            *(link("plain/out", "../elsewhere/x"), link("plain/inside", "x")),
        ],
    )
    top = (tmp_path / "t").resolve()
    monkeypatch.chdir(top)
    for given in (path, str(top / path)):
        if expected is None:
            refuse_way_out(given)
        else:
            with pytest.raises(InputError, match=f"the symlink {expected} leads out of"):
                refuse_way_out(given)
