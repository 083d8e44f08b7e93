"""Dockerfiles that the real engine accepts or refuses before it asks for anything: so do we."""

from __future__ import annotations

from pathlib import Path

import pytest

from ctxsize import api
from ctxsize.formats.wording import level
from tests.engine.test_builders import NOT_UTF8
from tests.oracles.engines import Docker
from tests.trees import Node, build_tree, file, link

S = "FROM scratch\n"
COPIED = f"{S}COPY a /\n"
UNREACHED = "FROM scratch AS x\n{}\nFROM scratch\nCOPY a /\n"
TRIGGER = "FROM scratch AS x\nONBUILD {}\nFROM x\nCOPY a /\n"

REFUSED = {
    "parents": S + "COPY --parents a /x/\n",
    "parents denied": S + "COPY --parents=false a /x/\n",
    "parents in a stage that is not reached": UNREACHED.format("COPY --parents a /"),
    "parents in a trigger": TRIGGER.format("COPY --parents a /b"),
    "security": COPIED + "RUN --security=insecure x\n",
    "security in a stage that is not reached": UNREACHED.format("RUN --security=sandbox x"),
    "security in a trigger": TRIGGER.format("RUN --security=insecure x"),
    "device": COPIED + "RUN --device=a.b/c x\n",
}
"""None of them is built by Docker 28.5."""

ACCEPTED = {
    **{
        f"mode {mode}": S + f"COPY --chmod={mode} a /x\n"
        for mode in ("", "0755", "00000000007777", "u+x", "go-w,u=rX", "=", "u=gx", "u+X-s=r", "$X")
    },
    "mode in a stage that is not reached": UNREACHED.format("COPY --chmod=999 a /"),
    "checksum in a stage that is not reached": UNREACHED.format("ADD --checksum=z http://x/y /"),
    "device in a stage that is not reached": UNREACHED.format("RUN --device=a.b/c x"),
    "empty command in a stage that is not reached": UNREACHED.format("RUN []"),
    "signal in a stage that is not reached": UNREACHED.format("STOPSIGNAL foo"),
    **{
        f"signal {signal}": COPIED + f"STOPSIGNAL {signal}\n"
        for signal in (
            "kill",
            "9",
            "-1",
            "+9",
            "65",
            "SIGRTMIN+3",
            "sigrtmax-14",
            "rtmin",
            "SIGCLD",
        )
    },
    **{
        f"interval {interval}": COPIED + f"HEALTHCHECK --interval={interval} CMD x\n"
        for interval in ("0", "1ms", "1.ms", ".1s.9s", "2562047h47m16s854ms")
    },
    "retries of 32 bits": COPIED + "HEALTHCHECK --retries=2147483647 CMD x\n",
    "options of a check": "# check=skip=a,b;error=F;experimental=all foo\n" + COPIED,
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_docker_refuses_is_a_problem(docker: Docker, tmp_path: Path, name: str) -> None:
    root = build_tree(tmp_path / "context", ["a"])
    (tmp_path / "Dockerfile").write_text(REFUSED[name])
    report = api.measure(str(root), dockerfile=str(tmp_path / "Dockerfile"))
    (problem,) = [each for each in report.problems if each.fails]
    assert problem.message.startswith("the build fails: ")
    result = docker.build_buildkit(root, dockerfile=tmp_path / "Dockerfile")
    assert result.error is not None
    assert result.transferred_bytes is None
    reason = problem.message.removeprefix("the build fails: ").partition(" (")[0]
    if docker.age == "newer":
        assert result.error.endswith(reason)


@pytest.mark.parametrize("name", ACCEPTED)
def test_what_docker_accepts_is_measured(docker: Docker, tmp_path: Path, name: str) -> None:
    root = build_tree(tmp_path / "context", ["a"])
    (tmp_path / "Dockerfile").write_text(ACCEPTED[name])
    report = api.measure(str(root), dockerfile=str(tmp_path / "Dockerfile"))
    assert report.transfer is not None
    result = docker.build_buildkit(root, dockerfile=tmp_path / "Dockerfile")
    assert (result.error, result.transferred_bytes) == (None, report.transfer.wire_bytes)


@pytest.mark.parametrize("name", NOT_UTF8)
def test_what_is_not_utf8_fails_the_newer_engine_alone(
    docker: Docker, tmp_path: Path, name: str
) -> None:
    nodes, ignorefile, source, count = NOT_UTF8[name]
    root = build_tree(tmp_path / "context", [*nodes, file(".dockerignore", ignorefile.encode())])
    text = f"{S}COPY {source} /x/\n" + ("b\n" if source == "<<b" else "")
    (tmp_path / "Dockerfile").write_text(text)
    error = docker.build_buildkit(root, dockerfile=tmp_path / "Dockerfile").error
    assert (error is not None) == (docker.age == "newer" and count > 0), error
    assert error is None or "string field contains invalid UTF-8" in error
    report = api.measure(str(root), dockerfile=str(tmp_path / "Dockerfile"))
    assert (level(report) == "build-fails") == (count > 0)


def test_a_name_is_doubtful_where_the_transfer_is_not_known(tmp_path: Path) -> None:
    root = build_tree(tmp_path / "context", ["a\udcff"])
    report = api.measure(str(root))
    assert "not-utf8-if-taken" in {each.code for each in report.problems}
    assert level(report) != "build-fails"


ONLY_NEWER: dict[str, tuple[str, list[str | Node], str]] = {
    "trigger that copies from a context": (
        "FROM scratch AS x\nONBUILD COPY --from=busy a /\nFROM x\n",
        [],
        'cannot copy from stage "busy", it needs to be defined before current stage',
    ),
    "trigger that copies from a stage": (
        f"FROM scratch AS busy\nCOPY a /\n{TRIGGER.format('COPY --from=busy a /b')}",
        ["a"],
        'cannot copy from stage "busy", it needs to be defined before current stage',
    ),
    "link in a directory that a wildcard matches": (
        f"{S}COPY c* /o/\n",
        ["conf/x", link("conf/l", "../other"), "other"],
        '"/other": not found',
    ),
    "link to nowhere in a directory that a wildcard matches": (
        f"{S}COPY c* /o/\n",
        ["conf/x", link("conf/l", "nowhere")],
        '"/conf/nowhere": not found',
    ),
    "through a link to the top": (
        f"{S}COPY deep/back/cfg /o/\n",
        [link("deep/back", ".."), "cfg/x"],
        '"/deep/back/cfg": not found',
    ),
    "through a link out of the context": (
        f"{S}COPY deep/back/cfg /o/\n",
        [link("deep/back", "../.."), "cfg/x"],
        '"/deep/back/cfg": not found',
    ),
}
"""Docker 28.5 builds them, and 26.1 fails with this; `busy` is a named context, too."""


@pytest.mark.parametrize("name", ONLY_NEWER)
def test_the_newer_alone_builds_it(docker: Docker, tmp_path: Path, name: str) -> None:
    text, nodes, reason = ONLY_NEWER[name]
    root = build_tree(tmp_path / "context", nodes or ["b"])
    busy = build_tree(tmp_path / "busy", ["a"])
    (tmp_path / "Dockerfile").write_text(text)
    contexts = {} if "AS busy" in text else {"busy": str(busy)}
    extra = [f"--build-context={each}={path}" for each, path in contexts.items()]
    result = docker.build_buildkit(root, dockerfile=tmp_path / "Dockerfile", extra=extra)
    assert (result.error is None) == (docker.age == "newer"), result.error
    assert result.error is None or reason in result.error
    report = api.measure(
        str(root), dockerfile=str(tmp_path / "Dockerfile"), build_contexts=contexts
    )
    assert report.all_problems == ()
    assert level(report) == "fine"


ONLY_OLDER = {
    "port of two protocols": S + "EXPOSE 80/tcp/udp\nCOPY a /\n",
    "port that ends in a slash": S + "EXPOSE 80/tcp/\nCOPY a /\n",
    "argument that has to be set": "ARG X=${Y:?}\n" + COPIED,
    "argument that cannot be expanded": "ARG X=${Y\n" + COPIED,
}
"""Docker 26.1 builds them, and 28.5 fails."""


@pytest.mark.parametrize("name", ONLY_OLDER)
def test_the_older_alone_builds_it(docker: Docker, tmp_path: Path, name: str) -> None:
    root = build_tree(tmp_path / "context", ["a"])
    (tmp_path / "Dockerfile").write_text(ONLY_OLDER[name])
    result = docker.build_buildkit(root, dockerfile=tmp_path / "Dockerfile")
    assert (result.error is None) == (docker.age == "older"), result.error
    assert api.measure(str(root), dockerfile=str(tmp_path / "Dockerfile")).failing
