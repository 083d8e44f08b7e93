"""Sizes whose sum has more than 64 bits: the core hands back what it cannot add up exactly."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ctxsize.cli.app import run
from ctxsize.engine.builders import BUILDKIT, CLASSIC
from tests.engine.native.both import THREADS, check, check_plan, core
from tests.resolving import resolve
from tests.trees import build_tree, file

LARGE = 1 << 40  # bytes from which a file is handed back
LARGEST = (1 << 63) - 1


@contextmanager
def sparse_place(tmp_path: Path, wanted: int) -> Iterator[tuple[Path, int]]:
    """Yield a directory and the bytes that a file can have there: `wanted`, or the most of all.

    ext4 stops at 16 TiB, tmpfs and XFS at `LARGEST`.
    """
    places = [tmp_path, *(Path(each) for each in ("/dev/shm", "/run") if os.access(each, os.W_OK))]
    sizes = [(_most_bytes(place, wanted), number) for number, place in enumerate(places)]
    most, number = max(sizes, key=lambda size: (size[0], -size[1]))
    with tempfile.TemporaryDirectory(dir=places[number]) as base:
        yield Path(base), most


def _most_bytes(place: Path, wanted: int) -> int:
    with tempfile.NamedTemporaryFile(dir=place) as probe:
        for bits in range(64):
            size = wanted >> bits
            try:
                os.truncate(probe.name, size)
            except OSError:
                continue
            return size
    return 0


def test_the_largest_files_do_not_overflow(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with sparse_place(tmp_path, LARGEST) as (base, size):
        assert size >= 1 << 42
        tree = [file(name, size_bytes=size) for name in ("a", "b", "d/c")]
        root = build_tree(base / "ctx", ["Dockerfile", *tree])
        (root / "Dockerfile").write_text("FROM scratch\nCOPY . /\n")
        whole = 3 * size + (root / "Dockerfile").stat().st_size
        assert run(["measure", str(root), "--format", "json"]) == 0
        report = json.loads(capsys.readouterr().out)
        assert report["context"]["content_bytes"] == whole
        assert report["context"]["largest_files"][0]["content_bytes"] == size
        assert run(["check", str(root), "--max", "1GB"]) == 1
        for builder in (BUILDKIT, CLASSIC):
            for spy in check_plan(resolve(str(root), builder=builder)):
                assert spy.handed_back


@pytest.mark.parametrize("size", [LARGE - 1, LARGE, LARGE + 1])
def test_the_core_counts_smaller_files_alone(size: int, tmp_path: Path) -> None:
    root = build_tree(tmp_path / "ctx", [file(name, size_bytes=size) for name in ("a", "d/b")])
    for spy in check_plan(resolve(str(root), builder=BUILDKIT)):
        assert bool(spy.handed_back) == (size >= LARGE)


@contextmanager
def limited(most_bytes: int) -> Iterator[None]:
    """Let each thread of the core add up so many bytes."""
    module = core()
    module.limit(most_bytes)
    try:
        yield
    finally:
        module.limit(1 << 59)


@pytest.mark.parametrize("most_bytes", [0, 1, 99, 100, 101, 1000, 1499, 6000])
def test_what_is_more_than_a_threads_share_is_handed_back(most_bytes: int, tmp_path: Path) -> None:
    names = [f"{directory}/{name}.log" for directory in "abc" for name in range(20)]
    root = build_tree(tmp_path, [file(name, size_bytes=100) for name in names])
    with limited(most_bytes):
        for spy in check(root)[: len(THREADS)]:
            assert bool(spy.handed_back) == (most_bytes < 6000)


def test_parts_of_a_large_directory_are_handed_back(tmp_path: Path) -> None:
    """Threads share its files; some are beyond their shares."""
    root = build_tree(tmp_path, [file(f"f{number}", size_bytes=10) for number in range(5000)])
    with limited(12_345):
        for spy in check(root)[: len(THREADS)]:
            assert spy.handed_back


@pytest.mark.parametrize("threads", [-1, 9, 1 << 20])
def test_no_more_threads_than_sums_have_room_for(threads: int, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="threads"):
        core().add_up(os.fsencode(tmp_path), threads, 0, 0, 10, 4096, 0, (), None, None)
