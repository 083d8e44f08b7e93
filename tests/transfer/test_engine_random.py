"""Random Dockerfiles over random trees, with a named context: the engine transfers what we say."""

from __future__ import annotations

import tempfile
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from ctxsize import api
from ctxsize.errors import CtxsizeError
from ctxsize.model import Report
from tests.oracles.buildkit import BuildResult
from tests.oracles.engines import Docker
from tests.transfer.planting import Plant, links, paths

SOURCES = [
    *("a", "b", "c", "ab", "é", "./a/../b", "*", "a*", "?", "[ab]", "a/b", "*/c", "/a/", "**/b"),
    *(".", "$D", "${D}/c", "${N:-b}", "$N/a", "!a", "x\\*"),
    *("a*", "b*", "?", "[ab]*", "*/c*", "*/*", "[^a]*", "c*", ".dockerignor*", "$D*"),
]
source = st.sampled_from(SOURCES)
wild = st.sampled_from([each for each in SOURCES if "*" in each or "?" in each or each == "."])
taking = st.one_of(
    st.builds("COPY {} /x/".format, st.lists(wild, min_size=1, max_size=3).map(" ".join)),
    st.builds("COPY --from=lib {} /x/".format, st.lists(wild, min_size=1).map(" ".join)),
    st.builds("COPY {} /x/".format, source),
    st.builds("COPY --from=lib {} /x/".format, source),
    st.builds("ADD {} /x/".format, wild),
)
others = st.one_of(
    st.builds("RUN --mount=source={},target=/m x".format, st.sampled_from(["a", "b", "a/b", "."])),
    st.sampled_from(["ARG D=a", "ENV D=b", "WORKDIR /w", "ARG N", "COPY . /\nARG D=a\nENV D=$D"]),
    st.sampled_from(
        [
            *("COPY --from=one /e /a", "COPY --from=0 /e /b", "COPY <<E /\nCOPY . /\nE"),
            "RUN --mount=from=lib,source=a,target=/m x",
            "RUN --mount=type=tmpfs,target=/m x",
        ]
    ),
)
bodies = st.lists(st.one_of(taking, taking, taking, others), min_size=1, max_size=3).map("\n".join)
bases = st.sampled_from(["scratch", "scratch", "scratch", "lib", "one"])
trees = st.tuples(st.lists(paths, max_size=8), links)
LINES = ["*", "a", "b", "**/c", "!a", "!a/b", "!**/b", "a/*", "!x*", "é"]
ignoring = st.lists(st.sampled_from(LINES), max_size=3).map("\n".join)


@st.composite
def dockerfiles(draw: st.DrawFn) -> str:
    first, second = draw(bodies), draw(bodies)
    base = draw(bases)
    last = f"FROM {base}\nCOPY <<E /e\nx\nE\n{second}\n"
    return f"FROM scratch AS one\nCOPY <<E /e\nx\nE\n{first}\n{last}"


def figures(report: Report) -> dict[str, Counter[int | None]]:
    found = {"": Counter(each.wire_bytes for each in report.transfers if each.context_used)}
    for named in report.named_contexts:
        found[named.name] = Counter(each.wire_bytes for each in named.transfers)
    return found


def check(ours: dict[str, Counter[int | None]], result: BuildResult) -> None:
    """No figure but ours comes; and if the build succeeds, each single one does.

    Where a build fails, transfers that run beside the failure are cut off.
    """
    loaded = result.loaded()
    alone = sum(each.total() for each in ours.values()) == 1
    cut = result.error is not None and not (alone and "failed to compute cache key" in result.error)
    for name, transfers in loaded.items():
        done, whole = [each.bytes for each in transfers if each.done], ours.get(name, Counter())
        if cut:
            assert max(done, default=0) <= max(each or 0 for each in whole), name
        else:
            assert Counter(done) <= whole, name
    if result.error is None:
        assert loaded.keys() == {name for name, each in ours.items() if each}
        for name, each in ours.items():
            if each.total() == 1:
                assert Counter(one.bytes for one in loaded[name]) == each


@given(main=trees, lib=trees, ignoring=ignoring, elsewhere=ignoring, text=dockerfiles())
@settings(max_examples=150, derandomize=True, suppress_health_check=list(HealthCheck))
def test_random_builds(
    docker: Docker,
    plant: Plant,
    main: tuple[list[str], dict[str, str]],
    lib: tuple[list[str], dict[str, str]],
    ignoring: str,
    elsewhere: str,
    text: str,
) -> None:
    context, named = plant(*main), plant(*lib)
    (context / ".dockerignore").write_text(ignoring)
    (named / ".dockerignore").write_text(elsewhere)
    with tempfile.TemporaryDirectory() as directory:
        dockerfile = Path(directory) / "Dockerfile"
        dockerfile.write_text(text)
        result = docker.build_buildkit(
            context, dockerfile=dockerfile, extra=[f"--build-context=lib={named}"]
        )
        try:
            report = api.measure(
                str(context), dockerfile=str(dockerfile), build_contexts={"lib": str(named)}
            )
        except CtxsizeError:
            assert result.error is not None
            return
    if report.transfer is None:
        assert result.error is not None
        # Where the sender stops at once, a transfer of nothing is announced all the same.
        assert not any(one.bytes for each in result.loaded().values() for one in each)
        return
    event("the build fails" if result.error else f"transfers: {sorted(result.loaded())}")
    check(figures(report), result)


def test_the_check_can_fail() -> None:
    from tests.oracles.buildkit import Transfer

    result = BuildResult((), (Transfer("[internal] load build context", "", 5),), None)
    check({"": Counter([5])}, result)
    for wrong in ({"": Counter([6])}, {}, {"": Counter([5]), "lib": Counter([5])}):
        with pytest.raises(AssertionError):
            check(wrong, result)
