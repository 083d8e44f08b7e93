"""What Podman shows in a bind mount, although its ignore file hides it; all commands agree."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Cli
from tests.oracles.engines import Podman
from tests.trees import build_tree, file, link

MOUNTS: dict[str, tuple[str, str, str]] = {
    "a file": ("a", "a", "a"),
    "a directory": ("sub", "sub", "sub/x"),
    "a part of a directory": ("sub", "sub/x", "sub/x"),
    "the context": ("", "sub", "sub/x"),
    "a link": ("ln", "sub\nln", "sub/x"),
    "absent": ("none", "sub", ""),
    "a wildcard": ("su*", "sub", ""),
}
"""The source of the mount, the ignore file, and a file that is ignored and seen there."""


@pytest.mark.parametrize("name", MOUNTS)
def test_a_mount_shows_what_the_ignore_file_hides(
    cli: Cli, buildah: Podman, tmp_path: Path, name: str
) -> None:
    source, ignored, shown = MOUNTS[name]
    mount = f"source={source},target=/m" if source else "target=/m"
    text = f'FROM scratch\nRUN --mount={mount} ["/none"]\n'
    own = [file("Dockerfile", text.encode()), file(".dockerignore", ignored.encode())]
    root = build_tree(tmp_path / "c", ["a", "sub/x", "sub/y", link("ln", "sub"), *own])
    error = buildah.build_buildah(root).error
    # The mount is made before the program is looked for.
    assert error is not None
    assert ("opening directory" in error) == (not shown)
    told = cli("explain", "--trace", "--builder", "podman", shown or "sub/x", cwd=root, columns=200)
    assert ": ignored" in told.out
    assert "sends nothing" in told.out
    assert "the whole context, whatever" not in told.out
    assert ("shows it without the ignore file" in told.out) == bool(shown)
    report = json.loads(cli("measure", "--builder", "podman", "--json", cwd=root).out)
    said = [each for each in report["problems"] if each["code"] == "mount-unfiltered"]
    assert bool(said) == bool(shown)
    first = cli("--builder", "podman", cwd=root).out
    assert ("without the ignore file" in " ".join(first.split())) == bool(shown)
