"""Files counted together cost what they cost one by one."""

from __future__ import annotations

import os

from hypothesis import given
from hypothesis import strategies as st

from ctxsize.engine import transfer
from ctxsize.engine.evaluate import Mark
from ctxsize.engine.events import Files, Folder
from ctxsize.engine.request import resolve
from ctxsize.engine.transfer import BuildKitMeter

MARK = Mark(ignored=False, decider=None, refused=False)
CHUNK = 32 * 1024

sizes = st.one_of(
    st.sampled_from([0, 1, 127, 128, 16383, 16384, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK]),
    st.integers(0, 2**40),
)
seconds = st.one_of(
    st.integers(1_500_000_000, 1_900_000_000),
    st.sampled_from([-1, 0, 1, 2**56 // 10**9, 2**56 // 10**9 + 1, 9_223_372_035]),
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
    stats = [result(*each[1:]) for each in found]
    return Files(
        prefix,
        [each[0] for each in found],
        stats,
        [each.st_size for each in stats],
        True,
        MARK,
        *({}, {}, {}),
        frozenset(),
        {},
    )


def counted(events: list[Files | Folder], *, together: bool) -> tuple[int, int, list[int]]:
    meter = BuildKitMeter()
    for event in events:
        if isinstance(event, Folder):
            meter.folder(event)
        else:
            meter.files(event if together else event._replace(plain=False), frozenset())
        if not together:
            meter.settle()
    meter.settle()
    return meter._sum, meter._content, list(meter._packets)


@given(events=st.lists(batches(), max_size=12))
def test_together_and_one_by_one(events: list[Files | Folder]) -> None:
    assert counted(events, together=True) == counted(events, together=False)


@given(event=batches())
def test_a_folder_takes_its_packet(event: Files | Folder) -> None:
    if isinstance(event, Folder):
        meter = BuildKitMeter()
        meter.folder(event)
        assert meter._sum - 2 == transfer._stat_packet(event.path, event.stat, 0, "", {})


def test_parts_add_up() -> None:
    request = resolve(".")
    event = Files(
        "d/", ["a", "b"], [result(0o100644, 70_000, 10**9)] * 2, [70_000] * 2,
        True, MARK, {}, {}, {}, frozenset(), {},
    )  # fmt: skip
    whole, first, second = BuildKitMeter(), BuildKitMeter(), BuildKitMeter()
    for meter in (whole, whole, first, second):
        meter.files(event, frozenset())
    first.merge(second)
    assert first.totals(request) == whole.totals(request)
