"""Named contexts and platforms in reports and commands; tests of transfers ask the engine."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ctxsize import api
from ctxsize.engine.build_options import own_platform, platforms_of
from ctxsize.errors import InputError
from ctxsize.model import NamedContext, Report
from tests.cli.conftest import Cli
from tests.trees import build_tree, file, link

pytestmark = pytest.mark.usefixtures("each_walk")

TEXT = b"""FROM scratch AS one
ARG TARGETARCH
COPY bin/$TARGETARCH common /
FROM scratch
COPY --from=lib a sub /x/
COPY --from=lib b /y/
COPY --from=lib b /z/
COPY app.py /
"""
TREE = [
    *("app/app.py", "app/common", "app/bin/amd64/tool", "app/bin/arm64/longer-tool"),
    file("app/Dockerfile", TEXT),
    file("app/.dockerignore", b"b\n"),
    *("lib/a", "lib/b", "lib/sub/c", "lib/sub/d"),
    file("lib/.dockerignore", b"sub/d\n"),
]


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    build_tree(tmp_path, TREE)
    monkeypatch.chdir(tmp_path / "app")
    monkeypatch.delenv("DOCKER_DEFAULT_PLATFORM", raising=False)
    return tmp_path / "app"


def named(report: Report, name: str) -> NamedContext:
    (found,) = (each for each in report.named_contexts if each.name == name)
    return found


def test_each_set_of_paths_is_a_transfer_with_its_sources(app: Path) -> None:
    report = api.measure(build_contexts={"lib": "../lib"})
    lib = named(report, "lib")
    assert lib.ignore_file is not None
    assert lib.ignore_file.path == "../lib/.dockerignore"
    assert lib.context is not None
    assert lib.context.totals.files == 4
    sets = [(each.follow_paths, each.files) for each in lib.transfers]
    assert sets == [(("a", "sub"), 2), (("b",), 1)]
    lines = [[source.line for source in each.sources] for each in lib.transfers]
    assert lines == [[5, 5], [6, 7]]
    assert report.transfer is not None
    assert [source.line for source in report.transfer.sources] == [8]


def test_what_is_not_sent(app: Path) -> None:
    contexts = {
        "spare": "../lib",
        "lib": "docker-image://alpine",
        "git": "https://github.com/a/b.git#main",
        "url": "http://example.com/x.tar",
        "layout": "oci-layout://../lib",
    }
    report = api.measure(build_contexts=contexts)
    found = {each.name: (each.kind, each.used) for each in report.named_contexts}
    assert found == {
        "spare": ("local", False),
        "lib": ("docker-image", True),
        "git": ("http", False),
        "url": ("http", False),
        "layout": ("oci-layout", False),
    }
    assert not any(each.transfers or each.context for each in report.named_contexts)


def test_a_transfer_that_is_not_known(app: Path) -> None:
    (app / "Dockerfile").write_text("FROM scratch\nCOPY --from=lib [ /\nCOPY app.py /\n")
    report = api.measure(build_contexts={"lib": "../lib"})
    lib = named(report, "lib")
    assert (lib.used, lib.transfers) == (True, ())
    (problem,) = lib.problems
    assert (problem.code, problem.path) == ("transfer-unknown", "Dockerfile")
    assert "invalid includepatterns: [[]: syntax error in pattern" in problem.message
    assert report.transfer is not None


def test_its_ignore_file_may_fail_the_build(app: Path) -> None:
    (app / "../lib/.dockerignore").write_text("[\n")
    with pytest.raises(InputError) as caught:
        api.measure(build_contexts={"lib": "../lib"})
    assert str(caught.value).startswith("../lib/.dockerignore:1: syntax error")
    (app / "Dockerfile").write_text("FROM scratch\nCOPY app.py /\n")
    assert api.measure(build_contexts={"lib": "../lib"}).transfer is not None


def test_a_name_stands_for_an_image_however_it_is_spelt(app: Path) -> None:
    (app / "Dockerfile").write_text("FROM docker.io/library/lib:latest\nCOPY app.py /\n")
    report = api.measure(build_contexts={"docker.io/library/lib": "../lib"})
    (transfer,) = named(report, "lib").transfers
    assert transfer.everything
    assert transfer.sources == ()


def test_an_image_may_bring_variables_and_triggers(app: Path) -> None:
    (app / "Dockerfile").write_text("FROM base\nCOPY $DIR/app.py /\n")
    for value, codes in (
        ("docker-image://alpine", {"unknown-onbuild", "unknown-environment"}),
        ("../lib", set()),
        ("docker-image://scratch", set()),
    ):
        transfer = api.measure(build_contexts={"base": value}).transfer
        assert transfer is not None
        assert {each.code for each in transfer.problems} == codes


@pytest.mark.parametrize(
    ("contexts", "message"),
    [
        ({"x": "../none"}, "failed to get build context x: stat ../none: no such file"),
        ({"x": "../lib/a"}, "failed to get build context x: stat ../lib/a: not a directory"),
        ({"X": "../lib"}, "invalid context name X: invalid image name"),
        ({"": "../lib"}, "invalid context name : invalid image name"),
    ],
)
def test_a_wrong_build_context_is_an_input_error(
    app: Path, contexts: dict[str, str], message: str
) -> None:
    with pytest.raises(InputError) as caught:
        api.measure(build_contexts=contexts)
    assert message in str(caught.value)


def test_other_builders_differ_about_named_contexts(app: Path) -> None:
    with pytest.raises(InputError, match="has no --build-context"):
        api.measure(build_contexts={"lib": "../lib"}, builder="classic")
    (lib,) = api.measure(build_contexts={"lib": "../lib"}, builder="podman").named_contexts
    assert (lib.used, lib.transfers) == (None, ())


def test_without_a_dockerfile_a_named_context_is_measured_all_the_same(app: Path) -> None:
    (app / "Dockerfile").unlink()
    lib = named(api.measure(build_contexts={"lib": "../lib"}), "lib")
    assert (lib.used, lib.transfers) == (None, ())
    assert lib.context is not None
    assert lib.context.totals.files == 4


def test_platforms_that_ask_for_the_same_share_a_transfer(app: Path) -> None:
    platforms = ("linux/amd64,linux/arm64", "linux/amd64")
    report = api.measure(target="one", platforms=platforms)
    sets = [(each.platforms, each.follow_paths) for each in report.transfers]
    assert sets == [
        (("linux/amd64",), ("bin/amd64", "common")),
        (("linux/arm64",), ("bin/arm64", "common")),
    ]
    (only,) = api.measure(build_contexts={"lib": "../lib"}, platforms=platforms).transfers
    assert only.platforms == ("linux/amd64", "linux/arm64")


def test_a_platform_may_ask_for_nothing(app: Path) -> None:
    text = "FROM scratch AS amd64\nCOPY app.py /\nFROM scratch AS arm64\n"
    (app / "Dockerfile").write_text("ARG TARGETARCH\n" + text + "FROM $TARGETARCH\n")
    report = api.measure(platforms=("linux/arm64", "linux/amd64"))
    used = [(each.platforms, each.context_used) for each in report.transfers]
    assert used == [(("linux/arm64",), False), (("linux/amd64",), True)]


def test_the_default_platform_is_this_machines(app: Path, monkeypatch: pytest.MonkeyPatch) -> None:

    own = own_platform()
    assert platforms_of(api.plan_for().build) == (own,)
    assert platforms_of(api.plan_for(platforms=("local", "linux")).build) == (own,)
    monkeypatch.setenv("DOCKER_DEFAULT_PLATFORM", "linux/s390x")
    assert platforms_of(api.plan_for().build) == ("linux/s390x",)
    assert platforms_of(api.plan_for(platforms=("linux/arm64",)).build) == ("linux/arm64",)
    assert api.plan_for().build.given() == ()
    for text in ("a b", "", " ", ",", "linux/amd64 ", "linux/amd64, linux/arm64"):
        with pytest.raises(InputError, match=r"--platform: .*cannot parse platform"):
            platforms_of(api.plan_for(platforms=(text,)).build)
    assert platforms_of(api.plan_for(platforms=("LOCAL",)).build) == (own,)
    monkeypatch.setenv("DOCKER_DEFAULT_PLATFORM", "s3cr/et/of/mine")
    with pytest.raises(InputError, match=r"^DOCKER_DEFAULT_PLATFORM is no platform"):
        platforms_of(api.plan_for().build)


def test_text_shows_each_named_context(app: Path, cli: Cli) -> None:
    options = ["--build-context", "lib=../lib", "--build-context", "far=docker-image://alpine"]
    brief = cli("measure", *options, columns=120).out
    assert "  Named        lib, far\n" in brief
    out = cli("measure", "--full", *options, columns=120).out
    for text in (
        "Named context lib\n  Stands for   ../lib\n",
        "5  COPY a\n",
        "5  COPY sub\n",
        "6  COPY b\n",
        "7  COPY b\n",
        "Build prints transferring lib: ",
        "Stands for   docker-image://alpine\n  Transfer     nothing: the builder fetches it",
        "ctxsize ls --transfer --size --build-context lib=../lib",
    ):
        assert text in out
    out = cli("measure", "--target", "one", "--platform", "linux/arm64,linux/amd64").out
    assert "Transfer     linux/arm64: " in out
    assert "Build prints linux/amd64: transferring context: " in out


def test_ls_and_explain(app: Path, cli: Cli) -> None:
    lib = ["--build-context", "lib=../lib", "--named", "lib"]
    assert cli("ls", *lib).lines == [".dockerignore", "a", "b", "sub/", "sub/c"]
    assert cli("ls", "--transfer", *lib).lines == ["a", "b", "sub/", "sub/c"]
    sizes = ["ls", "--transfer", "--target", "one", "--platform", "linux/arm64,linux/amd64"]
    assert [line for line in cli(*sizes).lines if "tool" in line] == [
        "bin/amd64/tool",
        "bin/arm64/longer-tool",
    ]
    assert cli("explain", *lib, "sub/d").out == "../lib/.dockerignore:1:sub/d\tsub/d\n"
    traced = cli("explain", *lib, "--trace", "b").out
    assert "taken by\n    COPY b (Dockerfile:6)\n" in traced
    assert "app.py" not in traced
    found = cli("explain", *lib, "--source", "sub/d", "--source", "6")
    assert found.code == 1
    assert "not found: ignored by ../lib/.dockerignore:1 `sub/d`" in found.out
    assert "COPY b (Dockerfile:6): found" in found.out
    assert "no such named context: x (one of lib)" in cli("ls", *lib[:2], "--named", "x").err
    far = cli("ls", "--build-context", "far=docker-image://a", "--named", "far")
    assert (far.code, "the builder fetches it" in far.err) == (2, True)
    assert cli("ls", "--build-context", "lib").code == 2


def test_a_dockerfile_from_stdin(app: Path, cli: Cli) -> None:
    text = b"FROM scratch\nCOPY common /\n"
    done = cli("measure", "-f", "-", stdin=text)
    assert "Dockerfile   from stdin" in done.out
    assert "ctxsize ls --transfer --size -f -" in done.out
    assert cli("ls", "--transfer", "-f", "-", stdin=text).lines == ["common"]
    assert cli("explain", "--stdin", "-f", "-", stdin=text).code == 2
    shape = json.loads(cli("measure", "-f", "-", "--format", "json", stdin=text).out)
    assert shape["transfer"]["follow_paths"] == ["common"]
    assert shape["dockerfile"] == "-"
    assert api.measure(dockerfile="-", dockerfile_inline=text).transfer is not None
    with pytest.raises(InputError, match="needs the text from stdin"):
        api.measure(dockerfile="-")


FAR = "../far/.dockerignore"
HIDDEN: dict[str, str | None] = {
    "COPY --from=lib skip /x": f"COPY skip: not found, as it is ignored ({FAR}:1)",
    "COPY --from=lib a skip /x/": f"COPY skip: not found, as it is ignored ({FAR}:1)",
    "ADD skip /y": None,
    "COPY --from=lib gone /x": "COPY gone: not found, as it is not in the context",
    "COPY --from=lib l /x": f"COPY l: not found, as skip is ignored ({FAR}:1)",
    "COPY --from=lib d/x /x": f"COPY d/x: not found, as it is ignored ({FAR}:2)",
    "COPY --from=lib d /x": None,
    "COPY --from=lib s* /x/": None,
    "COPY --from=lib s* a /x/": None,
    "COPY --from=lib a /x": None,
    "RUN --mount=from=lib,source=skip,target=/t x": (
        f"RUN skip: not found, as it is ignored ({FAR}:1)"
    ),
    "RUN --mount=from=lib,source=s*,target=/t x": "RUN s*: not found, as it is not in the context",
    "RUN --mount=from=lib,target=/t x": None,
}
"""A source that the ignore file of a named context hides: BuildKit of Docker 26.1.5 and 28.5.2."""


@pytest.mark.parametrize("line", HIDDEN)
def test_a_source_that_a_named_context_hides_is_not_found(app: Path, cli: Cli, line: str) -> None:
    nodes = ["skip", "d/x", link("l", "skip"), file(".dockerignore", b"skip\nd/*\n"), "a"]
    build_tree(app.parent / "far", nodes)
    build_tree(app / "more", ["skip"])
    (app / "skip").touch()
    (app / "Dockerfile").write_text(f"FROM scratch\n{line}\n")
    report = api.measure(build_contexts={"lib": "../far"})
    found = [each for each in report.all_problems if each.code == "source-not-found"]
    expected = [f"the build fails: {HIDDEN[line]}"] if HIDDEN[line] else []
    assert [each.message for each in found] == expected
    assert all((each.path, each.line) == ("Dockerfile", 2) for each in found)
    context = ("--build-context", "lib=../far")
    assert ("Next: ctxsize explain --source 2" in cli("measure", *context).out) == bool(found)
    assert cli("explain", *context, "--source", "2").code == bool(found)
    assert cli("explain", *context, "--source", "2", "--named", "lib").code == bool(found)


def test_a_source_is_explained_in_the_context_that_holds_it(app: Path, cli: Cli) -> None:
    build_tree(app.parent / "far", ["skip", file(".dockerignore", b"skip\n")])
    build_tree(app.parent / "bad", [file(".dockerignore", b"[\n")])
    text = "FROM scratch\nCOPY --from=lib skip gone /\nCOPY app.py /\n"
    (app / "Dockerfile").write_text(text)
    context = ("--build-context", "lib=../far", "--build-context", "unused=../bad", "--source")
    skip = "COPY skip (Dockerfile:2): not found: ignored by ../far/.dockerignore:1 `skip`\n"
    gone = "COPY gone (Dockerfile:2): not found: gone is not in the context lib\n"
    assert cli("explain", *context, "2").out == skip + gone
    by_name = cli("explain", *context, "skip")
    assert (by_name.out, by_name.err) == (skip, "")
    assert cli("explain", *context, "3").out == "COPY app.py (Dockerfile:3): found\n"
    assert cli("explain", *context, "common").out == "COPY common: found\n"
