"""What advice must not lose: results that an image needs, and installs that a copy would undo."""

from __future__ import annotations

from pathlib import Path

import pytest

from ctxsize.advice import advise
from ctxsize.advice import advise as run
from ctxsize.advice.recipe import Change, changed
from ctxsize.config import Config
from ctxsize.repository import discover
from tests.trees import Node, build_tree, file

CARGO: list[str | Node] = ["Cargo.toml", "Cargo.lock", "src/main.rs"]
BUILD = "FROM rust:1 AS b\nWORKDIR /app\nCOPY . .\n"


def rewritten(tmp_path: Path, text: str, *others: str | Node) -> tuple[str, set[str]]:
    """Return the Dockerfile with all rewrites, and the codes of what is found in it."""
    nodes = [file("Dockerfile", text.encode()), file(".dockerignore", b".git\n"), *others]
    root = build_tree(tmp_path / "r", nodes)
    advice = run(discover(str(root)), unsafe=True, config=Config())
    after = [each.after.decode() for each in advice.edits]
    return (after or [text])[0], {each.code for each in (*advice.findings, *advice.mended)}


def help_of(tmp_path: Path, code: str, text: str, *others: str | Node) -> str:
    """Return what the findings of a code say to write; none of them has an edit."""
    nodes = [file("Dockerfile", text.encode()), file(".dockerignore", b".git\n"), *others]
    found = advise(discover(str(build_tree(tmp_path / "r", nodes)))).findings
    assert not [each for each in found if each.code == code and each.fix]
    return "\n".join(each.help for each in found if each.code == code)


def test_a_cache_is_shown_for_a_project_of_its_own_in_a_directory(tmp_path: Path) -> None:
    text = "RUN cd a && cargo build\nCMD ./a/target/debug/a\n"
    shown = help_of(tmp_path, "CTX210", BUILD + text, "a/Cargo.toml", "a/src/main.rs")
    assert "target=/app/a/target" in shown
    assert "unless a workspace or a configuration moves the target directory" in shown


FETCHED = "FROM rust AS b\nWORKDIR /code\nCOPY Cargo.toml .\nRUN cargo fetch\nCOPY . .\n"
OVER_DOWNLOADS = {
    "offline": f"{FETCHED}RUN cargo build --offline\n",
    "fetched in a layer": f"{FETCHED}RUN cargo build\n",
    "mounted already": f"{BUILD}RUN --mount=type=cache,target=/usr/local/cargo/git/db "
    "--mount=type=cache,target=/usr/local/cargo/registry/cache cargo build\n",
}


@pytest.mark.parametrize("name", OVER_DOWNLOADS)
def test_no_mount_hides_what_cargo_has_downloaded(name: str, tmp_path: Path) -> None:
    text = f"{OVER_DOWNLOADS[name]}FROM debian\nCOPY --from=b /code /x\n"
    shown = help_of(tmp_path, "CTX210", text, *CARGO)
    assert "/target`" in shown or "/target " in shown
    assert "target=/usr/local/cargo/registry," not in shown
    assert "target=/usr/local/cargo/git," not in shown


def test_mounts_for_downloads_are_shown_where_an_earlier_fetch_has_a_mount(tmp_path: Path) -> None:
    text = FETCHED.replace("RUN cargo", "RUN --mount=type=cache,target=/usr/local/cargo cargo")
    text += "RUN cargo build\nFROM debian\nCOPY --from=b /code /x\n"
    assert "target=/usr/local/cargo/registry," in help_of(tmp_path, "CTX210", text, *CARGO)


IN_THE_IMAGE = {
    "a mount from the stage": "RUN cargo build && cp target/debug/a /a\nFROM debian\n"
    "RUN --mount=from=b,source=/app/target/debug,target=/m cp /m/a /\n",
    "a directory above": "RUN cargo build && cp target/debug/a /a\nFROM debian\n"
    "COPY --from=b /app /app\n",
    "a command that copies nothing": "RUN cargo build && ls target/debug\nENTRYPOINT ./run.sh\n",
    "a result of an earlier build": "RUN cargo build --bin a\nRUN cargo build --bin c\n"
    "FROM debian\nCOPY --from=b /app/target/debug/a /app/target/debug/c /\n",
    "a result of an earlier build, copied": "RUN cargo build --bin a\n"
    "RUN cargo build --bin c && cp target/debug/a target/debug/c /bin/\n",
}


@pytest.mark.parametrize("name", IN_THE_IMAGE)
def test_what_others_take_stays_in_the_image(name: str, tmp_path: Path) -> None:
    after, codes = rewritten(tmp_path, BUILD + IN_THE_IMAGE[name], *CARGO)
    assert "target=/app/target" not in after, after
    assert "cp -a /cache/target/debug/a " not in after, after
    assert "CTX210" in codes


def test_nothing_is_cooked_with_a_variable_that_is_set_behind_it(tmp_path: Path) -> None:
    text = (
        f"{BUILD}ARG PROFILE=release\nRUN cargo build --profile $PROFILE\nFROM debian\n"
        "COPY --from=b /app/target/release/a /\n"
    )
    after, _ = rewritten(tmp_path, text, *CARGO)
    assert "cargo chef" not in after
    early, _ = rewritten(
        tmp_path / "early",
        text.replace("ARG PROFILE=release\n", "").replace("COPY .", "ARG PROFILE=release\nCOPY ."),
        *CARGO,
    )
    assert 'cargo chef cook --profile "$PROFILE"' in early


HOSTS = {
    "node_modules of a workspace": (
        "npm ci",
        (
            file("package.json", b'{"workspaces": ["p/*"]}'),
            *("package-lock.json", "p/a/package.json", "p/a/node_modules/b/i.js"),
        ),
    ),
    "obj": ("dotnet restore", ("p/a.csproj", "p/obj/project.assets.json")),
    "an environment": (
        "python -m venv venv && venv/bin/pip install -r requirements.txt",
        ("requirements.txt", "venv/pyvenv.cfg"),
    ),
    "a mode": ("chmod +x mvnw && ./mvnw package", ("pom.xml", "mvnw")),
    "the ends of lines": ("dos2unix mvnw && ./mvnw package", ("pom.xml", "mvnw")),
}


@pytest.mark.parametrize("name", HOSTS)
def test_no_copy_comes_behind_what_it_would_overwrite(name: str, tmp_path: Path) -> None:
    command, others = HOSTS[name]
    text = f"FROM x\nWORKDIR /app\nCOPY . .\nRUN {command}\n"
    after, codes = rewritten(tmp_path / "rewritten", text, *others)
    assert after == text
    assert "CTX202" not in codes
    assert "CTX223" in codes


MADE = {
    "node_modules": ("npm ci", ("package.json", "package-lock.json", "node_modules/a/i.js")),
    "web/node_modules": ("npm --prefix web ci", ("web/package.json", "web/node_modules/a/i.js")),
    "vendor": ("composer install", ("composer.json", "vendor/autoload.php")),
    "deps": ("mix deps.get", ("mix.exs", "deps/a/mix.exs")),
    "vendor/bundle": ("bundle install", ("Gemfile", "vendor/bundle/a")),
}


@pytest.mark.parametrize("directory", MADE)
def test_what_an_install_makes_is_ignored_before_it_moves(directory: str, tmp_path: Path) -> None:
    command, others = MADE[directory]
    text = f"FROM x\nWORKDIR /app\nCOPY . .\nRUN {command}\n"
    shown = help_of(tmp_path, "CTX202", text, *others)
    assert shown.startswith(f"ignore `{directory}`, then copy `")
    assert shown.endswith(" before `COPY . .`")


def test_what_is_ignored_overwrites_nothing(tmp_path: Path) -> None:
    nodes = [file(".dockerignore", b"**/node_modules\n"), "package.json", "node_modules/a/i.js"]
    text = b"FROM x\nWORKDIR /app\nCOPY . .\nRUN npm ci\n"
    root = build_tree(tmp_path / "r", [file("Dockerfile", text), *nodes])
    (shown,) = [each.help for each in advise(discover(str(root))).findings if each.code == "CTX202"]
    assert shown == "copy `package.json` to the same place and run `npm ci` before `COPY . .`"


def test_a_workspace_needs_more_than_its_manifest(tmp_path: Path) -> None:
    workspace = file("pnpm-workspace.yaml", b"packages: ['p/*', \"q\"]\n")
    shown = help_of(
        tmp_path,
        "CTX223",
        "FROM x\nWORKDIR /app\nCOPY . .\nRUN pnpm i\n",
        *(workspace, "package.json", "pnpm-lock.yaml", "p/a/package.json", "q/package.json"),
    )
    assert "`COPY" not in shown
    assert "`RUN --mount=type=cache,target=/root/.local/share/pnpm/store pnpm i`" in shown


def test_lines_that_do_not_change_keep_their_own_ends() -> None:
    data = b"FROM a\r\nRUN <<EOF\nb\r\nEOF\nRUN c\r\nRUN d"
    after = changed(data, [Change(5, 5, "RUN x\nRUN y"), Change(7, 6, "RUN z")])
    assert after == b"FROM a\r\nRUN <<EOF\nb\r\nEOF\nRUN x\r\nRUN y\r\nRUN d\nRUN z"
    assert changed(data, [Change(2, 1, "ARG v")]).startswith(b"FROM a\r\nARG v\nRUN <<EOF\n")
