"""Puts on disk what a marker asks for, so that each rule can be seen to speak."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from ctxsize.knowledge.rules import EntryType, Marker, Rule

SAMPLES = [
    "gitdir: ../.git/modules/x",
    '<module type="WEB_MODULE">',
    '{"folders": [], "settings": {}, "hashes": {}, "pid": 7, "version": 1, "auths": {}}',
    '<Project Sdk="x"><projectDescription/><classpath/><coverage/><testsuite/>',
    "[.ShellClassInfo]",
    "thread 'rustc' panicked",
    "0 verbose cli npm yarn pnpm lerna silly",
    "!coverage.py: This is a private format",
    "# A fatal error has been detected by the Java Runtime Environment:",
    "sdk.dir=/home/me/Android",
    "=erl_crash_dump:0.5",
    "mode: atomic\nx.go:1.1,2.2 1 1",
    '{"vendor": {"conan": {}}}',
    "repos:\n- repo: local",
    "stages:\n  - build",
    '{"extends": ["config:base"]}',
    'app = "shop"',
    "services:\n  web:",
    'target "app" {}',
    "kind: Config",
    "PASSWORD=not-a-real-one",
    "export TOKEN=not-a-real-one",
    "-----BEGIN OPENSSH PRIVATE KEY-----",
    "PuTTY-User-Key-File-3: ssh-ed25519",
    "machine example.org login me password not-a-real-one",
    "[pypi]\npassword = not-a-real-one",
    "//registry.example.org/:_authToken=not-a-real-one",
    "npmAuthToken: not-a-real-one",
    '[registry]\ntoken = "not-a-real-one"',
    '{"github-oauth": {"github.com": "x"}}',
    "<server><password>not-a-real-one</password></server>",
    '<add key="ClearTextPassword" value="x" />',
    "production:\n  secret_key_base: 0123456789abcdef0123",
    "me:$apr1$xyz",
    '{"type": "service_account", "private_key": "x"}',
    '{"refresh_token": "x"}',
    '{"type": "external_account"}',
    "aws_secret_access_key = not-a-real-one",
    "client-key-data: eA==",
    "AGE-SECRET-KEY-1X",
    "secret_key = x",
    '{"terraform_version": "1.9"}',
    'db_password = "x"',
    '{"permissions": {"allow": []}}',
    "# aider chat started at 2026-01-02 03:04:05",
    "# 2026-01-02 03:04:05.678901\n+/help",
]
"""One of them is found by each expression of the rules."""


def put(path: Path, data: bytes = b"x") -> None:
    """A file, unless something is there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not os.path.lexists(path):
        path.write_bytes(data)


def concrete(pattern: str) -> str:
    """A name that a glob pattern matches."""
    name = pattern
    for glob, text in (("[0-9a-f]", "0"), ("[0-9]", "1"), ("[op]", "p"), ("*", "x")):
        name = name.replace(glob, text)
    return name


def place_of(rule: Rule, find: str | None = None) -> str:
    """Where in a tree something is planted for `rule`: three directories down if it may be."""
    name = concrete(find or (rule.find[0] if rule.find else "anything"))
    return name[1:] if name.startswith("/") else f"a/b/c/{name}"


def plant(root: Path, marker: Marker, path: str, kind: EntryType) -> None:
    """Make `marker` hold at `path` below `root`."""
    _plant(root, marker, path, kind)
    plain(root, path, kind)


def _plant(root: Path, marker: Marker, path: str, kind: EntryType) -> None:
    at = root / path
    match marker:
        case Marker("any_of", parts=(first, *_)):
            _plant(root, first, path, kind)
        case Marker("all_of", parts=parts):
            for each in parts:
                _plant(root, each, path, kind)
        case Marker("beside", names):
            put(Path(os.path.normpath(at.parent / concrete(names[0]))))
        case Marker("beside_all", names):
            for name in names:
                put(at.parent / name / "x")
        case Marker("inside", names):
            put(at / concrete(names[0]))
        case Marker("inside_all", names):
            for name in names:
                put(at / concrete(name))
        case Marker("tagged"):
            put(at / "CACHEDIR.TAG", b"Signature: 8a477f597d28d172789f06886806bc55\n")
        case Marker("self_ignored"):
            put(at / ".gitignore", b"# made by a tool\n*\n")
        case Marker("worktrees"):
            _repository(root, "")
            put(at.parent / "beside")
            names = ("-c", "user.name=a", "-c", "user.email=a@localhost")
            for command in (("commit", "-qm", "a"), ("worktree", "add", "-q", path)):
                run = ["git", *names, *command]
                subprocess.run(run, cwd=root, check=True, capture_output=True)
        case Marker("git_ignored"):
            _repository(root, path)
        case Marker("untracked"):
            _repository(root, "")
        case Marker("content", (pattern,)):
            put(at, sample_for(pattern))
        case Marker("begins", (magic, *_), offset):
            put(at)
            with at.open("r+b") as file:
                file.write(b"\0" * offset + bytes.fromhex(magic))
        case Marker("twin", (ending,)):
            put(at.with_name(at.name.removesuffix(ending)))
        case Marker("at_least"):
            target = at if kind is EntryType.FILE else at / "large.csv"
            put(target)
            os.truncate(target, marker.number)
        case Marker("link", (into,)):
            at.parent.mkdir(parents=True, exist_ok=True)
            at.symlink_to(f"{into or '/elsewhere/'}x")
        case Marker("only_programs"):
            put(at / "tool", b"\x7fELF\0")
        case Marker("only_documents"):
            put(at / "design.md", b"# Design")
        case _:
            assert marker.kind in ("is_dockerfile", "exists", "unreadable", "mounted")


def plain(root: Path, path: str, kind: EntryType) -> None:
    """The name alone, with nothing that speaks for it."""
    if os.path.lexists(root / path):
        return
    if kind is EntryType.DIRECTORY:
        put(root / path / "keep.c", b"int main;")
    elif kind is EntryType.FILE:
        put(root / path, b"\x01 nothing in particular")
    else:
        (root / path).mkdir(parents=True)


def sample_for(pattern: str) -> bytes:
    """A text in which an expression of the rules is found."""
    import re

    return next(text for text in SAMPLES if re.search(pattern, text)).encode()


def _repository(root: Path, ignored: str) -> None:
    for command in (["init", "-q"], ["add", "-f", ".gitignore"]):
        (root / ".gitignore").write_text(f"/{ignored}\n" if ignored else "")
        subprocess.run(["git", *command], cwd=root, check=True, capture_output=True)
