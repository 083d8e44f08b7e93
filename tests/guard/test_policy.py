"""A policy from outside the repository: the repository may tighten it, and never loosen it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ctxsize.api import discover
from ctxsize.build import Build
from ctxsize.config import policy_in
from ctxsize.errors import InputError, InputErrors
from ctxsize.guard import checking
from tests.trees import build_tree, file

MB = 1_000_000
POLICY = 'max = "1MB"\nforbid = ["**/.env"]\n'
SECRET = "hunter2-hunter2"
TREE = [
    file("Dockerfile", b"FROM scratch AS tiny\nCOPY small /\nFROM scratch\nCOPY . /\n"),
    *("small", ".env"),
    file("large.bin", size_bytes=2 * MB),
]


@pytest.fixture
def top(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository that breaks the policy beside it, as the working directory."""
    (tmp_path / "policy.toml").write_text(POLICY)
    root = build_tree(tmp_path / "repository", [*TREE, ".git/HEAD"])
    monkeypatch.chdir(root)
    return root


def broken(build: Build | None = None) -> set[str]:
    """The codes that refuse a check by the policy, as the command line makes it."""
    others = discover(".").builds if build is None else ()
    outcome = checking.check(build, policy="../policy.toml", others=[each.build for each in others])
    held = [each for each in outcome.checks if each.policy]
    assert held
    return {one.code for each in held for one in each.findings}


HOSTILE = [
    # what a repository may write to pass
    'max = "1TB"\n',
    'of = "transfer"\ntarget = "tiny"\nmax = "1kB"\n',
    'ignore = ["CTX4"]\nselect = ["CTX1"]\n',
    "".join(f'[[suppress]]\ncode = "CTX{code}"\nreason = "x"\n' for code in (401, 408, 410)),
    'max = "9GB"\n[contexts.other]\npath = "tests"\n',
    'builder = "podman"\nmax = "9GB"\n',
    'baseline = "base.json"\ngrowth = "900%"\n',
    'dockerfile = "tiny.Dockerfile"\nmax = "9GB"\n',
    'extends = "loose.toml"\n',
    "require = []\nforbid = []\nmax-files = 99\n",
    "",
]


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("build", [None, Build(".")])
def test_a_repository_cannot_loosen_a_policy(text: str, build: Build | None, top: Path) -> None:
    (top / "ctxsize.toml").write_text(text)
    nodes = [
        file("tests/Dockerfile", b"FROM scratch\n"),
        file("loose.toml", b'max = "9GB"\n'),
        file("base.json", b'{"version": 1, "contexts": {}}'),
        file(".containerignore", b"*\n"),
        file("tiny.Dockerfile", b"FROM scratch\n"),
        file("tiny.Dockerfile.dockerignore", b"*\n"),
    ]
    build_tree(top, nodes)
    assert broken(build) == {"CTX401", "CTX410"}


def test_a_smaller_target_of_the_configuration_is_not_the_only_one(top: Path) -> None:
    (top.parent / "policy.toml").write_text(f'{POLICY}of = "transfer"\n')
    (top / "ctxsize.toml").write_text('target = "tiny"\nmax = "9GB"\n')
    assert broken() == broken(Build(".")) == {"CTX401", "CTX410"}
    # A caller decides what to build.
    assert broken(Build(".", target="tiny")) == set()


def test_each_value_of_an_argument_is_held_to_a_transfer(top: Path) -> None:
    dockerfile = b"FROM scratch\nARG SOURCE=small\nCOPY $SOURCE /\n"
    (top / "Dockerfile").write_bytes(dockerfile)
    (top.parent / "policy.toml").write_text('max = "1MB"\nof = "transfer"\n')
    table = '[contexts.{0}]\npath = "."\nmax = "9GB"\nbuild-args = {{ SOURCE = "{0}" }}\n'
    (top / "ctxsize.toml").write_text(table.format("small"))
    assert broken() == set()
    (top / "ctxsize.toml").write_text(
        table.format("small") + table.format("large").replace('= "large"', '= "large.bin"')
    )
    assert broken() == {"CTX401"}


def test_a_repository_may_be_stricter(top: Path) -> None:
    (top / ".dockerignore").write_text("large.bin\n.env\n")
    (top / "ctxsize.toml").write_text('max = "1B"\nrequire = ["gone"]\n')
    own, held = checking.check(Build("."), policy="../policy.toml").checks
    assert (held.name, held.policy, held.findings) == (". (policy)", True, ())
    assert {each.code for each in own.findings} == {"CTX401", "CTX409"}


def test_a_build_needs_no_budget_beside_a_policy(top: Path) -> None:
    (one,) = checking.check(Build("."), policy="../policy.toml").checks
    assert one.policy


def test_the_baseline_has_no_builds_of_the_policy(top: Path) -> None:
    checking.check(Build("."), policy="../policy.toml", baseline="b.json", update_baseline=True)
    assert "policy" not in (top / "b.json").read_text()


def test_a_policy_may_name_the_builder(top: Path) -> None:
    (top / ".containerignore").write_text("*\n")
    (top.parent / "policy.toml").write_text(f'{POLICY}builder = "podman"\n')
    assert broken() == set()


WRONG = [
    (f"root:{SECRET}:19000:0:99999:7:::\n", "policy:1: is not TOML"),
    (f'a = "{SECRET}\n', "policy:1: is not TOML"),
    (f'max = 1\n"{SECRET}" = 1\n', "policy: unknown key (one of builder, forbid, max, "),
    (f'max = "{SECRET}"\n', 'policy: max: must be a size such as "50MB"'),
    (f'max = 1\nforbid = ["!{SECRET}"]\n', "policy: forbid: must be a list of at most"),
    (f'max = 1\nof = "{SECRET}"\n', "policy: of: must be one of context, transfer"),
    ("growth = 1\n", "policy: growth: unknown key"),
    ('max = 1\nbaseline = "x"\n', "policy: baseline: unknown key"),
    ("", "policy: a policy needs a limit, require or forbid"),
    ('of = "transfer"\n', "policy: a policy needs a limit"),
]


@pytest.mark.parametrize(("text", "message"), WRONG)
def test_no_mistake_quotes_a_policy(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "policy"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        policy_in(str(path))
    assert str(caught.value).startswith(f"{tmp_path}/{message}")
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("kind", ["missing", "directory", "fifo", "bytes", "large"])
def test_a_policy_that_cannot_be_read_is_an_error(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "policy.toml"
    if kind == "directory":
        path.mkdir()
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind == "bytes":
        path.write_bytes(b"max = '\xff'")
    elif kind == "large":
        path.write_bytes(b"#" * (5 << 20))
    with pytest.raises(InputErrors, match=r"policy\.toml: (cannot be read|is not UTF-8)"):
        policy_in(str(path))


def test_a_symlink_has_an_ignore_file_of_its_own(top: Path) -> None:
    (top / "Dockerfile.dockerignore").write_text("large.bin\n.env\n")
    assert broken() == set()
    (top / "Dockerfile.prod").symlink_to("Dockerfile")
    (top / "Dockerfile.prod.dockerignore").touch()
    (top / "build.sh").write_text("docker build .\ndocker build -f Dockerfile.prod .\n")
    assert broken() == {"CTX401", "CTX410"}


@pytest.mark.parametrize("name", ["Containerfile", "dockerfile"])
def test_each_usual_name_of_the_builder_is_held(name: str, top: Path) -> None:
    (top / "Dockerfile").rename(top / name)
    builder = 'builder = "podman"\n' if name == "Containerfile" else ""
    (top.parent / "policy.toml").write_text(POLICY + builder)
    (top / "ok.Dockerfile").write_text("FROM scratch\n")
    (top / "ok.Dockerfile.dockerignore").write_text("*\n")
    (top / "ctxsize.toml").write_text('[contexts."."]\ndockerfile = "ok.Dockerfile"\nmax = "9GB"\n')
    assert broken(Build(".")) == {"CTX401", "CTX410"}
