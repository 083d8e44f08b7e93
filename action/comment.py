"""Write one comment on a pull request: how its build contexts changed, why, and what helps.

This is the last step of `action.yml`. The inputs and GitHub's variables are in the environment.
Before is the checked-out tree with the changes of the pull request reverted in a copy, so that
the rest is equal: files that git ignores, submodules, `.git` itself. Git gets the path of the
repository, so that it reads none that was committed. No hook, filter or program of the repository
runs: programs are looked up outside of the workspace. The token comes by standard input and is in
no environment. A comment that cannot be written never fails the check.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator
from contextlib import suppress
from http.client import HTTPException
from typing import Any

from ctxsize.engine.git import find_program, trusted_path

_SECONDS = 30
"""Seconds to wait for an answer of GitHub."""
_PAGE, _MOST_PAGES = 100, 100
"""Number of comments on a page of the API, and of pages to read."""
_POINTER = re.compile(
    rb"version https://git-lfs\.github\.com/spec/[^\n]*\n(?:.*\n)*size (\d{1,15})\n"
)
_INPUTS = ("CONTEXT", "DOCKERFILE", "TARGET", "KEY")
_SETTINGS = (
    *("safe.bareRepository=explicit", "safe.directory=*", "core.hooksPath=/dev/null"),
    *("core.fsmonitor=false", "core.sshCommand=ssh", "core.askPass=", "credential.helper="),
    *("core.alternateRefsCommand=true", "maintenance.auto=false", "gc.auto=0"),
)
"""Settings of git: it runs no program, and reads a checkout that belongs to another user."""
_VARIABLES = re.compile("(?!GIT_)|GIT_CONFIG_|GIT_SS[HL]")
"""Variables for git, without those that name another repository or a program that asks."""
_DEPTH = 10_000
"""Number of nested calls, from which on Python stops: a path of git has up to 2,048 levels."""
_token = ""


class CannotCompareError(Exception):
    """The reason why there is nothing to comment on."""


def main() -> None:
    """Write the comment, or print why there is none."""
    global _token
    _token = "".join(sys.stdin.read().split())
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)  # no child can read it again
    sys.setrecursionlimit(_DEPTH)
    try:
        comment()
    except (CannotCompareError, OSError) as error:
        print(f"::warning title=ctxsize::no comment: {one_line(error)}")
    except Exception as error:  # the last resort: whatever is wrong, the check has passed
        print(f"::warning title=ctxsize::no comment: {one_line(repr(error))}")


def comment() -> None:
    """Compare, and write the comment. Raises `CannotCompareError` or `OSError`."""
    with open(os.environ["GITHUB_EVENT_PATH"], encoding="utf-8") as file:
        pull = json.load(file).get("pull_request")
    if not pull:
        print("ctxsize: this is no run for a pull request, so there is no comment")
        return
    temporary = tempfile.mkdtemp(prefix="ctxsize-", dir=os.environ["RUNNER_TEMP"])
    try:
        before = os.environ["BEFORE"] or measured_before(pull, temporary)
        changed, text = compared(before, temporary)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    publish(pull, marked(text), changed=changed)


def one_line(value: object) -> str:
    """Return `value` as the data of a workflow command."""
    return str(value).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def marked(text: str) -> str:
    """Return `text` with a key in its first line: each job and context has its own comment."""
    names = [os.environ.get(name, "") for name in ("GITHUB_WORKFLOW", "GITHUB_JOB", *_INPUTS)]
    key = hashlib.sha256(json.dumps(names).encode()).hexdigest()[:16]
    return f"<!-- ctxsize {key} -->\n{text.partition(chr(10))[2]}"


# --- The comparison


def strangers() -> list[str]:
    """Return the directories whose programs are those of the pull request, as real paths."""
    workspaces = {os.path.realpath("."), os.path.realpath(os.environ.get("GITHUB_WORKSPACE", "."))}
    with suppress(CannotCompareError):
        workspaces.add(top_of_context())
    return sorted(workspaces)


def variables() -> dict[str, str]:
    """Return the environment for a program, whose PATH has no directory of the workspace."""
    return {**os.environ, "PATH": trusted_path(os.environ.get("PATH", ""), *strangers())}


def ctxsize(*words: str, cwd: str = ".") -> None:
    """Run ctxsize. Raises `CannotCompareError` with its message if it fails."""
    program = os.path.join(os.path.dirname(sys.executable), "ctxsize")
    done = subprocess.run(
        [program, *words], cwd=cwd, env=variables(), capture_output=True, check=False
    )
    if done.returncode > 1:
        raise CannotCompareError(done.stderr.decode("utf-8", "replace").strip())


def compared(before: str, temporary: str) -> tuple[bool, str]:
    """Return whether anything changed since the report `before`, and the comment."""
    after = os.path.join(os.environ["RUNNER_TEMP"], "ctxsize.json")
    found, text = (os.path.join(temporary, name) for name in ("diff.json", "diff.md"))
    ctxsize("diff", "--format", f"json={found}", "--format", f"markdown={text}", before, after)
    with open(found, encoding="utf-8") as file, open(text, encoding="utf-8") as markdown:
        return json.load(file)["changed"], markdown.read()


def measured_before(pull: dict[str, Any], temporary: str) -> str:
    """Return a report of the same contexts without the changes of the pull request."""
    here, top = os.path.realpath("."), top_of_context()
    whole = os.path.commonpath([here, top])
    if whole not in (here, top):
        raise CannotCompareError("the context is outside of the workspace")
    base = base_commit(pull)
    copy = os.path.join(os.path.realpath(temporary), "before")
    copy_linked(whole, copy)
    fetch(base)  # after the copy, as it writes into .git, which may be part of the context
    revert(os.path.join(copy, os.path.relpath(top, whole)), base)
    cwd = os.path.normpath(os.path.join(copy, os.path.relpath(here, whole)))
    report = os.path.join(temporary, "before.json")
    context, dockerfile, target, _ = (os.environ[name] for name in _INPUTS)
    context, dockerfile = (
        os.path.relpath(each, here) if os.path.isabs(each) else each
        for each in (context, dockerfile)
    )
    if not all(os.path.exists(os.path.join(cwd, each)) for each in (context, dockerfile)):
        with open(report, "w", encoding="utf-8") as file:
            json.dump({"checks": []}, file)  # a new build: it sent nothing before
        return report
    words = ["check", "--exit-zero", "--max", "1000TB", "--format", f"json={report}"]
    words += ["--file", dockerfile] if dockerfile else []
    words += ["--target", target] if target else []
    ctxsize(*words, *(["--", context] if context else []), cwd=cwd)
    return report


def base_commit(pull: dict[str, Any]) -> str:
    """Return the commit to which the changes of the pull request were added."""
    head = git("rev-parse", "HEAD").decode().strip()
    if head == os.environ.get("GITHUB_SHA"):
        # GitHub checks out a merge of the pull request into its base: that is the first parent.
        parents = re.findall(rb"(?m)^parent (\w+)$", git("cat-file", "commit", head))
        if len(parents) > 1:
            return str(parents[0].decode())
    base = str(pull["base"]["sha"])
    with suppress(OSError, HTTPException, KeyError, TypeError, ValueError):
        found = call("GET", f"{repository()}/compare/{base}...{head}")
        base = str(found["merge_base_commit"]["sha"])
    if not re.fullmatch(r"[0-9a-f]{40,64}", base):
        raise CannotCompareError("the base of the pull request is no commit")
    return base


def top_of_context() -> str:
    """Return the nearest directory above the context with a `.git`, which no commit contains."""
    context = os.environ["CONTEXT"]
    at = os.path.realpath(context if os.path.isdir(context) else ".")
    while not os.path.lexists(os.path.join(at, ".git")):
        if at == os.path.dirname(at):
            raise CannotCompareError("the context is in no git repository")
        at = os.path.dirname(at)
    return at


def git_process(*words: str, stdin: int, stderr: int) -> subprocess.Popen[bytes]:
    """Start git for the repository of the context, and for no other that it could find."""
    top = top_of_context()
    program = find_program("git", os.environ.get("PATH", ""), *strangers())
    if program is None:
        raise CannotCompareError("git is not installed, or PATH names it only in the workspace")
    environment = {name: value for name, value in variables().items() if _VARIABLES.match(name)}
    environment |= {"GIT_DIR": os.path.join(top, ".git"), "GIT_WORK_TREE": top}
    environment |= {"GIT_TERMINAL_PROMPT": "0", "GIT_ALLOW_PROTOCOL": "file:http:https:ssh"}
    settings = (word for each in _SETTINGS for word in ("-c", each))
    command = [program, "--no-pager", *settings, *words]
    return subprocess.Popen(
        command, cwd=top, env=environment, stdin=stdin, stdout=subprocess.PIPE, stderr=stderr
    )


def git(*words: str) -> bytes:
    """Return the output of git. Raises `CannotCompareError` with its message if it fails."""
    with git_process(*words, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        found, errors = process.communicate()
    if process.returncode:
        said = errors.decode("utf-8", "replace").strip()
        raise CannotCompareError(f"git {words[0]} failed: {said}")
    return found


def fetch(commit: str) -> None:
    """Fetch `commit`, alone if the clone is shallow, unless it is there."""
    with suppress(CannotCompareError):
        git("rev-parse", "--quiet", "--verify", f"{commit}^{{tree}}")
        return
    shallow = git("rev-parse", "--is-shallow-repository").strip() == b"true"
    options = ["--no-tags", "--no-recurse-submodules", "--upload-pack=git-upload-pack"]
    options += ["--depth=1"] if shallow else []
    git("fetch", "--quiet", *options, "origin", commit)


def copy_linked(source: str, target: str) -> None:
    """Copy a tree with hard links, which cost neither time nor space."""

    def link(old: str, new: str) -> None:
        try:
            os.link(old, new, follow_symlinks=False)
        except OSError:
            shutil.copy2(old, new, follow_symlinks=False)

    inside = os.path.realpath(os.environ["RUNNER_TEMP"])

    def without(directory: str, names: list[str]) -> set[str]:
        return {name for name in names if os.path.join(directory, name) == inside}

    with suppress(shutil.Error):  # some files cannot be read; the check reported these
        shutil.copytree(source, target, symlinks=True, copy_function=link, ignore=without)


def revert(copy: str, base: str) -> None:
    """Make the paths of `copy` that differ between HEAD and `base` as they are in `base`."""
    top = os.fsencode(os.path.normpath(copy))
    fields = git("diff-tree", "-r", "-z", "--raw", "--no-renames", "HEAD", base).split(b"\0")
    pairs = zip(fields[::2], fields[1::2], strict=False)
    changes = [(meta.split()[1], meta.split()[3], name) for meta, name in pairs]
    for _, _, name in changes:
        if is_inside(top, name):
            with suppress(OSError):
                os.unlink(os.path.join(top, name))
                os.removedirs(os.path.dirname(os.path.join(top, name)))
    files = [each for each in changes if each[0] in (b"100644", b"100755", b"120000")]
    has_lfs = os.path.isdir(os.path.join(top, b".git/lfs/objects"))
    contents = blobs(blob for _, blob, _ in files)
    for (mode, _, name), data in zip(files, contents, strict=True):
        if is_inside(top, name):
            with suppress(OSError):
                write(os.path.join(top, name), mode, data, has_lfs=has_lfs)


def is_inside(top: bytes, name: bytes) -> bool:
    """Return whether `name` is a path below `top` with no link on the way, and not of git."""
    parent = os.path.dirname(os.path.join(top, name))
    return b".git" not in name.lower().split(b"/") and os.path.realpath(parent) == parent


def blobs(names: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the contents of blobs as git stores them, without any filter."""
    quiet = subprocess.DEVNULL
    with git_process("cat-file", "--batch", stdin=subprocess.PIPE, stderr=quiet) as process:
        assert process.stdin
        assert process.stdout
        for name in names:
            process.stdin.write(name + b"\n")
            process.stdin.flush()
            # Git ends if it cannot fetch a file that a partial clone lacks.
            _, kind, *size = process.stdout.readline().split() or (b"", b"")
            if kind != b"blob":
                raise CannotCompareError("a file of the base commit is missing")
            yield process.stdout.read(int(size[0]) + 1)[:-1]


def write(path: bytes, mode: bytes, data: bytes, *, has_lfs: bool) -> None:
    """Write a file or symlink as a checkout would; raises `OSError`."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    if mode == b"120000":
        os.symlink(data, path)
        return
    with suppress(OSError):
        os.rmdir(path)  # git replaces a directory that has become empty
    with open(path, "xb") as file:
        file.write(data)
        if has_lfs and (pointer := _POINTER.match(data)):
            file.truncate(int(pointer[1]))  # the checkout has the real files, of these sizes
    if mode == b"100755":
        os.chmod(path, 0o755)


# --- GitHub


def repository() -> str:
    """Return the URL of the repository in the API."""
    return f"{os.environ['GITHUB_API_URL']}/repos/{os.environ['GITHUB_REPOSITORY']}"


def call(method: str, url: str, data: dict[str, str] | None = None) -> Any:
    """Return the answer of the API. Raises `URLError`."""
    body = None if data is None else json.dumps(data).encode()
    request = urllib.request.Request(url, body, method=method)
    request.add_header("Accept", "application/vnd.github+json")
    request.add_header("User-Agent", "ctxsize")
    if body is not None:
        request.add_header("Content-Type", "application/json")
    # A redirect to another host gets no token.
    request.add_unredirected_header("Authorization", f"Bearer {_token}")
    with urllib.request.urlopen(request, timeout=_SECONDS) as answer:
        return json.load(answer)


def publish(pull: dict[str, Any], text: str, *, changed: bool) -> None:
    """Create or update the comment; a token that may not write leaves it in the step summary."""
    comments = f"{repository()}/issues/{int(pull['number'])}/comments"
    try:
        mine = own_comment(comments, text.partition("\n")[0])
        if mine is not None and mine["body"] != text:
            call("PATCH", f"{repository()}/issues/comments/{int(mine['id'])}", {"body": text})
            print("ctxsize: updated the comment")
        elif mine is None and changed:
            call("POST", comments, {"body": text})
            print("ctxsize: wrote a comment")
        else:
            print("ctxsize: nothing new to comment on")
    except urllib.error.HTTPError as error:
        if error.code not in (401, 403, 404):
            return summarize(text, f"GitHub answered {error.code}", "warning")
        head, base = (pull[side].get("repo") or {} for side in ("head", "base"))
        if head.get("full_name") != base.get("full_name"):
            return summarize(text, "a pull request from a fork has a read-only token", "notice")
        why = "the token may not comment; the job needs `permissions: pull-requests: write`"
        return summarize(text, why, "warning")
    except (OSError, HTTPException, ValueError, KeyError, TypeError) as error:
        return summarize(text, f"GitHub cannot be reached: {error}", "warning")


def summarize(text: str, why: str, level: str) -> None:
    """Write the comparison into the step summary, and print `why` as an annotation."""
    with open(os.environ["GITHUB_STEP_SUMMARY"], "a", encoding="utf-8") as file:
        file.write(f"\n{text}")
    print(f"::{level} title=ctxsize::{one_line(why)}; the comparison is in the step summary")


def own_comment(comments: str, marker: str) -> dict[str, Any] | None:
    """Return the comment that begins with `marker` and that this token wrote."""
    author = "github-actions[bot]"
    with suppress(OSError, HTTPException, KeyError, TypeError, ValueError):
        url = os.environ["GITHUB_GRAPHQL_URL"]
        author = call("POST", url, {"query": "{ viewer { login } }"})["data"]["viewer"]["login"]
    for page in range(1, _MOST_PAGES + 1):
        found = call("GET", f"{comments}?per_page={_PAGE}&page={page}")
        for each in found:
            is_mine = each["user"] and each["user"]["login"] in (author, f"{author}[bot]")
            if is_mine and str(each["body"]).partition("\n")[0].rstrip() == marker:
                return dict(each)
        if len(found) < _PAGE:
            break
    return None


if __name__ == "__main__":
    main()
