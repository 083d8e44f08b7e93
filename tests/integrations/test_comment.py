"""The Action's comment on a pull request, against a local stand-in for GitHub's API."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt

from ctxsize.cli.app import run as ctxsize
from tests.cli.conftest import REPOSITORY
from tests.integrations.test_ci import (
    action,
    expanded,
    git,
    plant_programs,
    programs,
    run,
    strange_path,
)
from tests.oracles.availability import require
from tests.pages import compare
from tests.trees import build_tree, file

__all__ = ["programs"]
TOKEN = "ghs_0123456789abcdef"
BOT = "github-actions[bot]"
BASE = [
    file("Dockerfile", b"FROM alpine\nCOPY . .\n"),
    file(".dockerignore", b".git\ntarget\n"),
    file("src/main.c", size_bytes=2_000),
]


@dataclass
class Api:
    """What the stand-in holds, and each request that it answered."""

    comments: list[dict[str, Any]] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    may_write: bool = True
    status: int = 0  # answers everything with it
    merge_base: str = ""
    url: str = ""

    def add(self, body: str, login: str = BOT) -> dict[str, Any]:
        made = {"id": 4_000_000_000 + len(self.comments), "body": body, "user": {"login": login}}
        self.comments.append(made)
        return made

    def answer(self, method: str, path: str, data: Any) -> tuple[int, Any]:
        """Refuse all that the real API has not."""
        comments = "/repos/o/r/issues/7/comments"
        if self.status:
            return self.status, {"message": "no"}
        if (method, path) == ("POST", "/graphql"):
            assert data == {"query": "{ viewer { login } }"}
            return 200, {"data": {"viewer": {"login": BOT}}}
        if method == "GET" and path.startswith("/repos/o/r/compare/") and self.merge_base:
            return 200, {"merge_base_commit": {"sha": self.merge_base}}
        if method == "GET" and (
            page := re.fullmatch(rf"{comments}\?per_page=100&page=(\d+)", path)
        ):
            at = int(page[1]) * 100
            return 200, self.comments[at - 100 : at]
        if method not in ("POST", "PATCH"):
            return 404, {"message": "Not Found"}
        if not self.may_write:
            return 403, {"message": "Resource not accessible by integration"}
        assert set(data) == {"body"}
        if not 0 < len(data["body"]) <= 65_536:
            return 422, {"message": "Body is too long"}
        if (method, path) == ("POST", comments):
            return 201, self.add(data["body"])
        for each in self.comments:
            if (method, path) == ("PATCH", f"/repos/o/r/issues/comments/{each['id']}"):
                each["body"] = data["body"]
                return 200, each
        return 404, {"message": "Not Found"}


@pytest.fixture
def api() -> Iterator[Api]:
    held = Api()

    class Handler(BaseHTTPRequestHandler):
        def handle_any(self) -> None:
            held.requests.append(f"{self.command} {self.path}")
            size = int(self.headers.get("Content-Length", 0))
            text = self.rfile.read(size)
            if self.headers["Authorization"] != f"Bearer {TOKEN}":
                status, found = 401, {"message": "Bad credentials"}
            elif size and self.headers["Content-Type"] != "application/json":
                status, found = 415, {"message": "no JSON"}
            else:
                status, found = held.answer(
                    self.command, self.path, json.loads(text) if size else None
                )
            self.send_response(status)
            self.end_headers()
            self.wfile.write(json.dumps(found).encode())

        do_GET = do_POST = do_PATCH = handle_any  # noqa: N815

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    held.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield held
    server.shutdown()
    server.server_close()
    thread.join()


def commit(where: Path, message: str = "change") -> str:
    git("add", "-A", "-f", ".", cwd=where)
    git("commit", "-qm", message, "--allow-empty", cwd=where)
    return head(where)


def head(where: Path) -> str:
    words = ["git", "rev-parse", "HEAD"]
    return subprocess.run(words, cwd=where, check=True, capture_output=True, text=True).stdout[:-1]


@pytest.fixture
def origin(tmp_path: Path) -> Path:
    """A repository with the base commit on its branch `main`."""
    require("git")
    where = build_tree(tmp_path / "origin", BASE)
    git("init", "-q", "-b", "main", cwd=where)
    git("config", "uploadpack.allowAnySHA1InWant", "true", cwd=where)
    commit(where, "base")
    return where


@dataclass(frozen=True)
class Pull:
    """A shallow checkout of the merge of a pull request, as actions/checkout makes it."""

    where: Path
    base: str
    merge: str


def checked_out(origin: Path, tmp_path: Path) -> Pull:
    """Commit what changed in `origin` on a branch, and check out its merge into `main`."""
    base = head(origin)
    git("checkout", "-qb", "feature", cwd=origin)
    commit(origin)
    git("checkout", "-q", "main", cwd=origin)
    git("merge", "-q", "--no-ff", "-m", "merge", "feature", cwd=origin)
    where = tmp_path / "checkout"
    git("clone", "-q", "--depth=1", f"file://{origin}", str(where), cwd=tmp_path)
    return Pull(where, base, head(where))


def commented(
    runner: Path, pull: Pull, api: Api, *, event: Any = None, env: Any = None, **given: str
) -> tuple[subprocess.CompletedProcess[str], str]:
    """Run the last step of the action after a check in this process; return it and the summary."""
    inputs = inputs_of(given)
    report, summary = runner / "ctxsize.json", runner / "ctxsize.md"
    words = ["check", "--format", f"json={report}", "--format", f"markdown={summary}"]
    words += [f"--{name}={inputs[name]}" for name in ("file", "max") if inputs[name]]
    words += ["--", inputs["context"]] if inputs["context"] else []
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(pull.where)
        assert ctxsize(words) < 2
    (runner / "summary").write_bytes(summary.read_bytes())
    return step(2, runner, pull, api, inputs, event, env)


def acted_and_commented(
    runner: Path, pull: Pull, api: Api, *, env: Any = None, **given: str
) -> tuple[subprocess.CompletedProcess[str], str]:
    """Run both steps of the action after the first, and return the last one and the summary."""
    inputs = inputs_of(given)
    (runner / "summary").write_text("")
    step(1, runner, pull, api, inputs, None, env)
    return step(2, runner, pull, api, inputs, None, env)


def inputs_of(given: Mapping[str, str]) -> dict[str, str]:
    inputs = {key: each["default"] for key, each in action()["inputs"].items()}
    inputs |= {"comment": "true", "github-token": TOKEN, "max": "50MB"}
    return inputs | {key.replace("_", "-"): value for key, value in given.items()}


def step(
    number: int,
    runner: Path,
    pull: Pull,
    api: Api,
    inputs: Mapping[str, str],
    event: Any,
    env: Any,
) -> tuple[subprocess.CompletedProcess[str], str]:
    """Run a step of the action, and return it and the summary."""
    each = action()["runs"]["steps"][number]
    payload = pull_request(pull) if event is None else event
    (runner / "event.json").write_text(json.dumps(payload))
    (runner / "output").write_text("")
    done = run(
        each["run"],
        pull.where,
        runner,
        RUNNER_TEMP=str(runner),
        GITHUB_ACTION_PATH=str(REPOSITORY),
        GITHUB_OUTPUT=str(runner / "output"),
        GITHUB_STEP_SUMMARY=str(runner / "summary"),
        GITHUB_EVENT_PATH=str(runner / "event.json"),
        GITHUB_API_URL=api.url,
        GITHUB_GRAPHQL_URL=f"{api.url}/graphql",
        GITHUB_REPOSITORY="o/r",
        GITHUB_WORKFLOW="ci",
        GITHUB_JOB="context",
        GITHUB_SHA=pull.merge,
        PYTHONPATH="",
        **{key: expanded(value, inputs) for key, value in each["env"].items()},
        **(env or {}),
    )
    assert TOKEN not in done.stdout + done.stderr
    assert done.returncode < 2, done.stderr
    assert not [each for each in runner.iterdir() if each.name.startswith("ctxsize-")]
    return done, (runner / "summary").read_text()


def pull_request(pull: Pull, fork: str = "o/r") -> dict[str, Any]:
    sides = {"base": {"sha": pull.base, "repo": {"full_name": "o/r"}}}
    return {"pull_request": {"number": 7, **sides, "head": {"repo": {"full_name": fork}}}}


def writes(api: Api) -> list[str]:
    return [each for each in api.requests if not each.startswith("GET") and "graphql" not in each]


def test_a_comment_is_written_then_updated(
    runner: Path, origin: Path, tmp_path: Path, api: Api
) -> None:
    build_tree(origin, [file("data/raw/a.bin", size_bytes=3_000_000)])
    (origin / ".dockerignore").write_bytes(b".git\n")
    build_tree(origin, [file("target/x", size_bytes=900_000)])
    pull = checked_out(origin, tmp_path)
    api.add("LGTM", "somebody")
    done, _ = acted_and_commented(runner, pull, api)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "ctxsize: wrote a comment\n"
    body = api.comments[-1]["body"]
    marker, title, *_ = body.split("\n")
    assert re.fullmatch(r"<!-- ctxsize [0-9a-f]{16} -->", marker)
    assert title == "### ctxsize: 🔴 +3.9 MB: the build context grew from 2.0 kB to 3.9 MB"
    assert re.search(r"\| +\+3\.0 MB \| +\| +added \| `data/raw/a\.bin`", body)
    assert "line 2 of .dockerignore ignored it before: `target`" in body
    assert "Fix: put `target` back into .dockerignore" in body
    assert writes(api) == ["POST /repos/o/r/issues/7/comments"]

    commented(runner, pull, api)  # the same again
    assert len(writes(api)) == 1
    (pull.where / "data/raw/a.bin").unlink()
    (pull.where / "target/x").unlink()
    done, _ = commented(runner, pull, api, max="20MB")
    assert done.stdout == "ctxsize: updated the comment\n"
    assert writes(api)[1:] == [f"PATCH /repos/o/r/issues/comments/{api.comments[-1]['id']}"]
    assert len(api.comments) == 2
    assert "🟢" in api.comments[-1]["body"]


def test_a_change_back_to_the_base_updates_the_comment(
    runner: Path, origin: Path, tmp_path: Path, api: Api
) -> None:
    build_tree(origin, [file("more", size_bytes=5_000)])
    pull = checked_out(origin, tmp_path)
    commented(runner, pull, api)
    (origin / "more").unlink()
    shutil.rmtree(pull.where)
    again = checked_out_again(origin, tmp_path, pull.base)
    commented(runner, again, api)
    assert len(api.comments) == 1
    assert (
        "### ctxsize: 🟢 no change of the build context, 2.0 kB in 3 files"
        in api.comments[0]["body"]
    )


def checked_out_again(origin: Path, tmp_path: Path, base: str) -> Pull:
    commit(origin)
    where = tmp_path / "checkout"
    git("clone", "-q", f"file://{origin}", str(where), cwd=tmp_path)
    return Pull(where, base, "")


def test_nothing_changed_and_no_comment_yet(
    runner: Path, origin: Path, tmp_path: Path, api: Api
) -> None:
    """All that is not committed is the same before and after: caches, and `.git` itself."""
    (origin / ".dockerignore").unlink()
    commit(origin)
    pull = checked_out(origin, tmp_path)
    build_tree(pull.where, [file("node_modules/x", size_bytes=8_000_000), file("empty/e")])
    os.mkfifo(pull.where / "pipe")
    (pull.where / "link").symlink_to("/")
    done, _ = commented(runner, pull, api)
    assert done.stdout == "ctxsize: nothing new to comment on\n"
    assert (writes(api), api.comments) == ([], [])


def test_the_own_comment_is_found_among_many(
    runner: Path, origin: Path, tmp_path: Path, api: Api
) -> None:
    build_tree(origin, [file("more", size_bytes=5_000)])
    pull = checked_out(origin, tmp_path)
    commented(runner, pull, api)
    mine = api.comments.pop()
    for number in range(230):
        api.add(f"comment {number}")
    api.add(mine["body"], "mallory")  # the marker in somebody's comment
    api.add(f"> {mine['body']}")
    mine["id"] = 4_999_999_999
    mine["body"] = mine["body"].replace("5.0 kB", "4.0 kB").replace("\n", "\r\n")
    api.comments.append(mine)
    commented(runner, pull, api)
    assert writes(api)[1:] == ["PATCH /repos/o/r/issues/comments/4999999999"]
    assert "5.0 kB" in mine["body"]

    commented(runner, pull, api, comment_key="other")
    assert len(writes(api)) == 3
    assert api.comments[-1]["body"].partition("\n")[0] != mine["body"].partition("\n")[0]


@pytest.mark.parametrize(
    ("fork", "annotation"),
    [
        ("o/r", "::warning title=ctxsize::the token may not comment; the job needs `permissions:"),
        ("x/r", "::notice title=ctxsize::a pull request from a fork has a read-only token"),
    ],
)
def test_a_token_that_may_not_write_leaves_the_comparison_in_the_summary(
    runner: Path, origin: Path, tmp_path: Path, api: Api, fork: str, annotation: str
) -> None:
    build_tree(origin, [file("more", size_bytes=5_000)])
    pull = checked_out(origin, tmp_path)
    api.may_write = False
    done, summary = commented(runner, pull, api, event=pull_request(pull, fork))
    assert done.returncode == 0
    assert done.stdout.startswith(annotation)
    assert len(done.stdout.splitlines()) == 1
    assert "### ctxsize: 🔴 +5.0 kB" in summary
    assert api.comments == []


def test_an_api_that_fails_does_not_fail_the_check(
    runner: Path, origin: Path, tmp_path: Path, api: Api
) -> None:
    build_tree(origin, [file("more", size_bytes=5_000)])
    pull = checked_out(origin, tmp_path)
    for status in (401, 422, 500):
        api.status = status
        done, summary = commented(runner, pull, api)
        assert done.returncode == 0
        assert done.stdout.startswith("::warning title=ctxsize::")
        assert "+5.0 kB" in summary
    nowhere = Api(url="http://127.0.0.1:9")
    done, summary = commented(runner, pull, nowhere)
    assert done.stdout.startswith("::warning title=ctxsize::GitHub cannot be reached")
    assert "+5.0 kB" in summary


def test_a_run_without_a_pull_request(runner: Path, origin: Path, tmp_path: Path, api: Api) -> None:
    pull = checked_out(origin, tmp_path)
    done, _ = commented(runner, pull, api, event={"ref": "refs/heads/main"})
    assert (done.returncode, api.requests) == (0, [])
    assert "no run for a pull request" in done.stdout


def test_a_base_that_cannot_be_fetched(
    runner: Path, origin: Path, tmp_path: Path, api: Api
) -> None:
    build_tree(origin, [file("more", size_bytes=5_000)])
    pull = checked_out(origin, tmp_path)
    shutil.rmtree(origin)
    done, _ = commented(runner, pull, api)
    assert (done.returncode, api.comments) == (0, [])
    assert done.stdout.startswith("::warning title=ctxsize::no comment: git fetch failed: ")
    assert len(done.stdout.splitlines()) == 1


def test_a_refused_context_is_said_first(
    runner: Path, origin: Path, tmp_path: Path, api: Api
) -> None:
    build_tree(origin, [file("more", size_bytes=6_000_000)])
    pull = checked_out(origin, tmp_path)
    acted_and_commented(runner, pull, api, max="5MB")
    body = api.comments[0]["body"]
    assert "Refused: CTX401 the build sends 6.0 MB, 1.0 MB over its budget of 5.0 MB" in body
    assert "| added" in body


def test_the_head_of_a_branch_is_compared_with_its_merge_base(
    runner: Path, origin: Path, tmp_path: Path, api: Api
) -> None:
    """What the base gained since is no change of the pull request."""
    api.merge_base = head(origin)
    git("checkout", "-qb", "feature", cwd=origin)
    build_tree(origin, [file("mine", size_bytes=5_000)])
    feature = commit(origin)
    git("checkout", "-q", "main", cwd=origin)
    build_tree(origin, [file("theirs", size_bytes=7_000)])
    main = commit(origin)
    where = tmp_path / "checkout"
    git("clone", "-q", "--depth=1", "-b", "feature", f"file://{origin}", str(where), cwd=tmp_path)
    commented(runner, Pull(where, main, "0" * 40), api)
    assert f"GET /repos/o/r/compare/{main}...{feature}" in api.requests
    assert "+5.0 kB: the build context grew" in api.comments[0]["body"]
    assert "theirs" not in api.comments[0]["body"]


def test_a_saved_report_replaces_the_base(
    runner: Path, origin: Path, tmp_path: Path, api: Api
) -> None:
    pull = checked_out(origin, tmp_path)
    (tmp_path / "before.json").write_text("")
    shutil.rmtree(origin)
    commented(runner, pull, api, before="../before.json")
    assert "grew from 0 B to 2.0 kB" in api.comments[0]["body"]


def test_a_context_that_is_new(runner: Path, origin: Path, tmp_path: Path, api: Api) -> None:
    build_tree(origin, [file("api/Dockerfile", b"FROM x\n"), file("api/a", size_bytes=4_000)])
    pull = checked_out(origin, tmp_path)
    commented(runner, pull, api, context="api", file="api/Dockerfile")
    assert "added" in api.comments[0]["body"]
    assert "from 0 B to 4.0 kB" in api.comments[0]["body"]


def test_several_contexts_of_a_configuration(
    runner: Path, origin: Path, tmp_path: Path, api: Api
) -> None:
    names = [f"s{number}" for number in range(9)]
    build_tree(origin, [file(f"{name}/x", size_bytes=1_000) for name in names])
    tables = "".join(f"[contexts.{name}]\n" for name in names)
    (origin / "ctxsize.toml").write_text(f'max = "1MB"\n{tables}')
    commit(origin)
    build_tree(origin, [file("s3/y", size_bytes=2_000_000), file("s5/y", size_bytes=9_000)])
    pull = checked_out(origin, tmp_path)
    commented(runner, pull, api, max="")
    body = api.comments[0]["body"]
    assert "+2.0 MB: 2 of 9 build contexts changed" in body
    assert "7 contexts did not change" in body
    assert body.index("`s3`") < body.index("`s5`")


HOSTILE = [
    b"<img src=x>",
    b"--> <script>",
    b"@octo/team",
    b"`@octo`",
    b"[a](http://evil)",
    b"a|b",
    b"new\nline\n\n# h",
    b"\xff\xfe",
    "\u202egnp.exe".encode(),
    b"#12",
    b"::error::x",
    b"$(touch oops)",
]


def test_hostile_names_are_data(runner: Path, origin: Path, tmp_path: Path, api: Api) -> None:
    for at, name in enumerate(HOSTILE):
        (origin / os.fsdecode(name)).mkdir(parents=True)
        (origin / os.fsdecode(name) / "x").write_bytes(b"x" * (9_000 + at))
        (origin / os.fsdecode(name) / "y").write_bytes(b"x" * (9_000 + at))
    # Names that are links here and directories there must not lead outside.
    outside = build_tree(tmp_path / "outside", [file("keep", b"kept")])
    build_tree(origin, [file("dir/keep", b"old")])
    commit(origin)
    shutil.rmtree(origin / "dir")
    (origin / "dir").symlink_to(outside)
    for name in HOSTILE:
        shutil.rmtree(origin / os.fsdecode(name))
    (origin / "more").write_bytes(b"x" * 1_000_000)
    pull = checked_out(origin, tmp_path)
    done, _ = acted_and_commented(runner, pull, api)
    assert done.stdout == "ctxsize: wrote a comment\n"
    safe(api.comments[0]["body"])
    git("revert", "-m1", "--no-edit", "HEAD", cwd=origin)
    api.comments.clear()
    shutil.rmtree(pull.where)
    build_tree(origin, [])
    commented(runner, checked_out_again(origin, tmp_path, pull.merge), api)
    safe(api.comments[0]["body"])
    assert (outside / "keep").read_bytes() == b"kept"
    assert not list(tmp_path.rglob("oops"))


def safe(body: str) -> None:
    """Names stand in code spans, and mention nobody."""
    assert re.sub("[\n\u200b]", "", body).isprintable()
    html = MarkdownIt("commonmark", {"html": True}).enable("table").render(body)
    html = re.sub(r"(?s)<code>.*?</code>", "", html)
    assert (
        re.findall(r"<(?!/?(?:h\d|p|table|thead|tbody|tr|t[hd]|details|summary|!--))", html) == []
    )
    assert re.findall(r"<!--", html) == ["<!--"]
    assert re.findall(r"[@#]\w", html) == []
    assert len(body) <= 65_536


def test_a_large_change_fits_into_a_comment(
    runner: Path, origin: Path, tmp_path: Path, api: Api
) -> None:
    for number in range(40):
        deep = origin / "/".join(["é@a" * 60 + str(number)] * 4)
        deep.mkdir(parents=True)
        for one in range(20):
            (deep / ("`|<" * 60 + str(one))).write_bytes(b"x" * (1_000 + number))
    pull = checked_out(origin, tmp_path)
    commented(runner, pull, api)
    safe(api.comments[0]["body"])


SHOWN = re.compile(r"(?s)(<!-- the comment -->\n)(.*?)(<!-- the end of the comment -->)")


def test_the_comment_in_the_documentation(tmp_path: Path, programs: Path) -> None:
    """`CTXSIZE_UPDATE=1` writes it."""
    where = build_tree(tmp_path / "api", [*BASE, file("Dockerfile", b"FROM alpine\nCOPY . .\n")])
    build_tree(where, [file("src/model.bin", size_bytes=2_100_000)])
    save = "ctxsize check --exit-zero --max 5MB --format json=../{}.json"
    assert run(save.format("before"), where, programs).returncode == 0
    (where / ".dockerignore").write_bytes(b".git\n")
    build_tree(where, [file(f"recordings/{day}.wav", size_bytes=3_000_000) for day in range(5)])
    build_tree(where, [file("target/app", size_bytes=3_200_000)])
    assert run(save.format("after"), where, programs).returncode == 0
    made = run("ctxsize diff before.json after.json --format markdown", tmp_path, programs).stdout
    quoted = "".join(f"> {line}".rstrip() + "\n" for line in made.splitlines()[1:])
    page = REPOSITORY / "docs" / "ci.md"
    text = page.read_text(encoding="utf-8")
    fresh = SHOWN.sub(lambda found: f"{found[1]}\n{quoted}\n{found[3]}", text)
    compare(page, fresh)
    assert "🔴 +18.2 MB: the build context grew from 2.1 MB to 20.3 MB" in fresh


def test_files_of_git_lfs_count_as_the_checkout_has_them(
    runner: Path, origin: Path, tmp_path: Path, api: Api
) -> None:
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:%s\nsize %d\n"
    build_tree(origin, [file("model", pointer % (b"a" * 64, 3_000_000))])
    commit(origin)
    (origin / "model").write_bytes(pointer % (b"b" * 64, 4_000_000))
    pull = checked_out(origin, tmp_path)
    build_tree(pull.where, [file("model", size_bytes=4_000_000)])
    (pull.where / ".git/lfs/objects").mkdir(parents=True)
    commented(runner, pull, api)
    assert "| `model`" in api.comments[0]["body"]
    assert "+1.0 MB: the build context grew from 3.0 MB to 4.0 MB" in api.comments[0]["body"]


@pytest.mark.parametrize("absolute", [False, True])
def test_a_checkout_below_the_workspace(
    runner: Path, origin: Path, tmp_path: Path, api: Api, absolute: bool
) -> None:
    build_tree(origin, [file("app/Dockerfile", b"FROM x\nCOPY . .\n")])
    commit(origin)
    build_tree(origin, [file("app/more", size_bytes=5_000)])
    pull = checked_out(origin, tmp_path)
    workspace = Pull(tmp_path, pull.base, pull.merge)
    context = str(pull.where / "app") if absolute else "checkout/app"
    commented(runner, workspace, api, context=context)
    assert "+5.0 kB: the build context grew from 16 B to 5.0 kB" in api.comments[0]["body"]


def witnesses(directory: Path) -> str:
    """Return a directory for PATH with a git that notes its environment and its arguments."""
    real = shutil.which("git")
    directory.mkdir()
    program = directory / "git"
    program.write_text(f'#!/bin/sh\n(env; echo "$@") >> {directory}/noted.$$\nexec {real} "$@"\n')
    program.chmod(0o755)
    return str(directory)


def test_a_repository_inside_the_context_is_not_believed(
    runner: Path, origin: Path, tmp_path: Path, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pull request can contain a bare repository, and its configuration names programs."""
    witness = tmp_path / "witness"
    app = build_tree(origin, [file("app/Dockerfile", b"FROM x\nCOPY . .\n")]) / "app"
    commit(origin)
    api.merge_base = head(origin)
    for name in ("objects", "refs"):
        (app / name).mkdir()
        (app / name / "x").write_text("")
    (app / "HEAD").write_text("ref: refs/heads/main\n")
    run_it = f"touch {witness}"
    (app / "config").write_text(
        f"[core]\nbare = false\nworktree = /\nsshCommand = {run_it}\nfsmonitor = {run_it}\n"
        f"askPass = {run_it}\npager = {run_it}\n[credential]\nhelper = !{run_it}\n"
        f'[remote "origin"]\nurl = ssh://x/y\nuploadpack = {run_it}\n'
    )
    pull = checked_out(origin, tmp_path)
    monkeypatch.setenv("PATH", f"{witnesses(tmp_path / 'bin')}:{os.environ['PATH']}")
    done, _ = acted_and_commented(runner, pull, api, context="app")
    assert done.stdout == "ctxsize: wrote a comment\n"
    assert re.search(r"\| added \| `config` +\|", api.comments[0]["body"])
    assert not witness.exists()
    assert "/etc" not in api.comments[0]["body"]
    noted = [each.read_text() for each in (tmp_path / "bin").glob("noted.*")]
    ours = [each for each in noted if "GITHUB_EVENT_PATH=" in each]
    assert any("cat-file --batch" in each for each in ours)
    assert all(f"GIT_DIR={pull.where}/.git\n" in each for each in ours if "cat-file" in each)
    assert not [each for each in noted if TOKEN in each and "TOKEN=" in each]


def test_settings_of_the_checkout_run_nothing(
    runner: Path, origin: Path, tmp_path: Path, api: Api
) -> None:
    witness = tmp_path / "witness"
    build_tree(origin, [file("more", size_bytes=5_000)])
    pull = checked_out(origin, tmp_path)
    for name in (
        *("core.fsmonitor", "core.pager", "core.sshCommand", "core.askPass", "diff.external"),
        *("core.alternateRefsCommand", "core.gitProxy", "credential.helper"),
        "remote.origin.uploadpack",
    ):
        git("config", name, f"touch {witness};:", cwd=pull.where)
    git("config", "core.worktree", "/", cwd=pull.where)
    done, _ = acted_and_commented(runner, pull, api)
    assert done.stdout == "ctxsize: wrote a comment\n"
    assert "+5.0 kB: the build context grew" in api.comments[0]["body"]
    for url in ("ssh://127.0.0.1:9/x", f"ext::touch {witness}"):
        shutil.rmtree(pull.where)
        git("clone", "-q", "--depth=1", f"file://{origin}", str(pull.where), cwd=tmp_path)
        git("config", "core.sshCommand", f"touch {witness};:", cwd=pull.where)
        git("config", "remote.origin.url", url, cwd=pull.where)
        git("config", "protocol.ext.allow", "always", cwd=pull.where)
        done, _ = commented(runner, pull, api)
        assert done.stdout.startswith("::warning title=ctxsize::no comment: git fetch failed: ")
    assert not witness.exists()


def test_no_program_of_the_pull_request_runs(
    runner: Path, origin: Path, tmp_path: Path, api: Api
) -> None:
    """Git, ctxsize and what these start: PATH leads into the workspace, as some workflows do."""
    build_tree(origin, [file("more", size_bytes=5_000), "repo/x"])
    pull = checked_out(origin, tmp_path)
    witness = tmp_path / "witness"
    plant_programs(pull.where, witness)
    more = {"GITHUB_WORKSPACE": str(pull.where), "PATH": strange_path(pull.where)}
    done, _ = acted_and_commented(runner, pull, api, env=more)
    assert not witness.exists(), witness.read_text()
    assert done.stdout == "ctxsize: wrote a comment\n"


def test_the_workspace_is_around_the_checkout(
    runner: Path, origin: Path, tmp_path: Path, api: Api
) -> None:
    """A workflow may check out several repositories side by side; none of them is trusted."""
    build_tree(origin, [file("more", size_bytes=5_000)])
    pull = checked_out(origin, tmp_path)
    witness = tmp_path / "witness"
    workspace = tmp_path / "work"
    workspace.mkdir()
    plant_programs(workspace, witness)
    pull.where.rename(workspace / "checkout")
    moved = Pull(workspace, pull.base, pull.merge)
    more = {"GITHUB_WORKSPACE": str(workspace), "PATH": strange_path(workspace)}
    acted_and_commented(runner, moved, api, env=more, context="checkout")
    assert not witness.exists(), witness.read_text()
    assert len(api.comments) == 1


def test_no_process_has_the_token_in_its_environment(
    runner: Path, origin: Path, tmp_path: Path, api: Api
) -> None:
    """A git that is trusted looks at its own environment and at that of all above it."""
    build_tree(origin, [file("more", size_bytes=5_000)])
    pull = checked_out(origin, tmp_path)
    notes, real = tmp_path / "notes", shutil.which("git")
    notes.mkdir()
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/git").write_text(
        f"#!/bin/bash\npid=$$\nwhile ((pid > 1)) && [[ $pid != {os.getpid()} ]]; do\n"
        f"  cat /proc/$pid/environ /proc/$pid/cmdline >> {notes}/$$\n"
        "  pid=$(ps -o ppid= -p $pid)\n  pid=$((pid))\ndone\n"
        f'exec {real} "$@"\n'
    )
    (tmp_path / "bin/git").chmod(0o755)
    more = {"PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}"}
    done, _ = acted_and_commented(runner, pull, api, env=more)
    assert done.stdout == "ctxsize: wrote a comment\n"
    seen = [each.read_bytes() for each in notes.iterdir()]
    assert any(b"comment.py" in each for each in seen)
    assert not [each for each in seen if TOKEN.encode() in each]


def test_a_context_that_is_a_link_to_another_place(
    runner: Path, origin: Path, tmp_path: Path, api: Api
) -> None:
    outside = build_tree(tmp_path / "outside", [file("Dockerfile", b"FROM x\n")])
    git("init", "-q", cwd=outside)
    (origin / "app").symlink_to(outside)
    done, _ = commented(runner, checked_out(origin, tmp_path), api, context="app")
    warning = "::warning title=ctxsize::no comment: the context is outside of the workspace\n"
    assert done.stdout == warning


def test_a_partial_clone_whose_origin_is_gone(
    runner: Path, origin: Path, tmp_path: Path, api: Api
) -> None:
    git("config", "uploadpack.allowFilter", "true", cwd=origin)
    base = head(origin)
    (origin / "src/main.c").write_bytes(b"x" * 9_000)
    commit(origin)
    where = tmp_path / "checkout"
    words = ["clone", "-q", "--filter=blob:none", f"file://{origin}", str(where)]
    git(*words, cwd=tmp_path)
    shutil.rmtree(origin)
    api.merge_base = base
    done, _ = commented(runner, Pull(where, base, ""), api)
    assert done.returncode == 0
    warning = "::warning title=ctxsize::no comment: a file of the base commit is missing\n"
    assert done.stdout == warning


def test_a_deep_tree_and_damaged_pointers(
    runner: Path, origin: Path, tmp_path: Path, api: Api
) -> None:
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:x\nsize %s\n"
    build_tree(origin, [file("model", pointer % (b"9" * 5_000)), file("m2", pointer % b"9" * 40)])
    build_tree(origin, [file("/".join(["d"] * 900) + "/x", size_bytes=3_000)])
    commit(origin)
    build_tree(origin, [file("model", b"1"), file("m2", b"2"), file("more", size_bytes=20_000)])
    pull = checked_out(origin, tmp_path)
    (pull.where / ".git/lfs/objects").mkdir(parents=True)
    done, _ = commented(runner, pull, api)
    assert (done.returncode, done.stdout) == (0, "ctxsize: wrote a comment\n")
    assert "`more`" in api.comments[0]["body"]


def test_whatever_is_wrong_the_check_does_not_fail(
    runner: Path, origin: Path, tmp_path: Path, api: Api
) -> None:
    pull = checked_out(origin, tmp_path)
    pull = Pull(pull.where, pull.base, "")  # the base is that of the event
    for event in ([], {"pull_request": {"number": 7, "base": None}}, {"pull_request": [1]}):
        done, _ = commented(runner, pull, api, event=event)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.startswith("::warning title=ctxsize::no comment: ")
        assert len(done.stdout.splitlines()) == 1
