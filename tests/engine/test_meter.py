"""Files counted together cost what they cost one by one."""

from __future__ import annotations

import os
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctxsize.engine.builders import BUILDKIT, CLASSIC, Builder
from ctxsize.engine.evaluate import Mark
from ctxsize.engine.events import Files, Folder
from ctxsize.engine.sums import WalkSums
from ctxsize.engine.wire import PacketMeter
from tests.resolving import resolve

MARK = Mark(ignored=False, decider=None, refused=False)
CHUNK = 32 * 1024

sizes = st.one_of(
    st.sampled_from([0, 1, 127, 128, 16383, 16384, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK]),
    st.sampled_from([2**47 - CHUNK, 2**47, 2**62]),  # of more than 2**32 packets
    st.integers(0, 2**40),
)
seconds = st.one_of(
    st.integers(1_500_000_000, 1_900_000_000),
    st.sampled_from(
        [-1, 0, 1, 2**56 // 10**9, 2**56 // 10**9 + 1, 2**33 - 1, 2**33, 9_223_372_035]
    ),
)
names = st.text("abc.é日", min_size=1, max_size=120)
modes = st.sampled_from([0o100644, 0o100755, 0o100444, 0o100777])  # those of plain files


def result(mode: int, size: int, at: int) -> os.stat_result:
    return os.stat_result((mode, 1, 1, 1, 0, 0, size, at, at, at), {"st_mtime_ns": at * 10**9 + 1})


@st.composite
def batches(draw: st.DrawFn) -> Files | Folder:
    prefix = draw(st.sampled_from(["", "d/", "é/" * 40, "x" * 100 + "/", "y/" * 64]))
    if draw(st.booleans()):
        return Folder(f"{prefix}f", result(0o40755, 4096, draw(seconds)), MARK, {})
    found = draw(st.lists(st.tuples(names, modes, sizes, seconds), min_size=1, max_size=8))
    return files(prefix, {name: result(*rest) for name, *rest in found})


def files(prefix: str, found: dict[str, os.stat_result]) -> Files:
    nothing: dict[str, str] = {}
    return Files(
        *(prefix, [*found], [*found.values()], [each.st_size for each in found.values()]),
        *(True, MARK, {}, nothing, nothing, nothing, frozenset(), {}),
    )


def summed(events: list[Files | Folder], *, together: bool, builder: Builder) -> tuple[Any, ...]:
    sums = WalkSums(builder, 3)
    for event in events:
        if isinstance(event, Files) and not together:
            event = event._replace(plain=False)
        sums.add(event)
        if not together:
            sums.settle()
    plan = resolve(".", builder=builder)
    measured = sums.measurement(plan, complete=True, depth=None)
    return measured, sums.entries, sums.content_bytes


@pytest.mark.parametrize("builder", [BUILDKIT, CLASSIC], ids=["buildkit", "classic"])
@given(events=st.lists(batches(), max_size=12))
def test_together_and_one_by_one(builder: Builder, events: list[Files | Folder]) -> None:
    events = [*{(type(e), getattr(e, "prefix", None) or e[0]): e for e in events}.values()]
    assert summed(events, together=True, builder=builder) == summed(
        events, together=False, builder=builder
    )


@pytest.mark.parametrize("plain", [True, False])
def test_none_of_the_largest_is_asked_for(plain: bool) -> None:
    sums = WalkSums(BUILDKIT, 0)
    sums.add(files("", {"a": result(0o100644, 5, 10**9)})._replace(plain=plain))
    measured = sums.measurement(resolve("."), complete=True, depth=None)
    assert (measured.largest_files, measured.totals.content_bytes) == ((), 5)


runs = st.lists(st.lists(st.sampled_from([-1, 0, 1, CHUNK, CHUNK + 1]), max_size=150), max_size=12)


@given(runs)
def test_heads_name_positions(several: list[list[int]]) -> None:
    """Of each packet a type, and a position that takes nothing, two bytes, then three from 128."""
    found = PacketMeter()
    packets: list[int] = []
    for run in several:
        its_packets = [0 if size < 0 else 1 + -(-size // CHUNK) for size in run]
        sizes = [1 - 2 * CHUNK if size < 0 else size for size in run]  # none, if negative
        found.add_runs([(sizes, sum(its_packets))])
        packets += its_packets
    position = [0] + [2] * 127 + [3] * 16_000
    expected = sum(each * (2 + position[at]) for at, each in enumerate(packets))
    assert found.totals(resolve(".")) == (2 + expected,)
