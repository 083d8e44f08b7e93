"""The page of a real context: its figures are those of the commands, whatever is switched on."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.browser import Tab
from tests.cli.conftest import Cli
from tests.page.conftest import Show
from tests.page.test_page import figures
from tests.story.repository import AGGREGATOR, SERVICES
from tests.trees import build_tree, file, hardlink

TAG = (
    b"Signature: 8a477f597d28d172789f06886806bc55\n"
    b"# This file is a cache directory tag created by cargo.\n"
)


def workspace(root: Path) -> Path:
    """A context with an ignore file of its own, of CRLF lines, that keeps some of it back."""
    names = (
        *("src/index.js", "docs/intro.md", "docs/usage.md", ".idea/workspace.xml", ".vscode/x"),
        *("node_modules/react/index.js", "node_modules/.package-lock.json", ".git/HEAD"),
        *("web/node_modules/vue/index.js", "kept/notes.log", "shared", "README.md", "npm.log"),
    )
    nodes = [file(name, size_bytes=1_000 + 17 * at) for at, name in enumerate(names)]
    build_tree(root / "workspace", [*nodes, hardlink("docs/shared", "shared")])
    contents = {
        "Dockerfile": "FROM node:22\nWORKDIR /app\nCOPY package.json .\nRUN npm ci\nCOPY . .\n",
        "package.json": '{"name": "x", "scripts": {"build": "node src"}}',
        "package-lock.json": '{"lockfileVersion": 3}',
        ".dockerignore": "# ours\r\n*.log\r\n!kept\r\ndocs/usage.md\r\n",
        ".env": "API_KEY=0123456789abcdef0123456789abcdef\n",
    }
    for name, text in contents.items():
        (root / "workspace" / name).write_bytes(text.encode())
    return root / "workspace"


def rust(root: Path) -> Path:
    """Two crates, of which one copies only its sources."""
    context = build_tree(root / "rust", ["src/main.rs", "assets/logo.svg", "notes/todo.txt"])
    for place in (context, context / "tool"):
        build_tree(place, ["src/main.rs", *(f"target/debug/deps/lib{n}.rlib" for n in range(20))])
        (place / "target" / "CACHEDIR.TAG").write_bytes(TAG)
        (place / "target" / ".rustc_info.json").write_text("{}")
        (place / "Cargo.toml").write_text('[package]\nname = "x"\nversion = "0.1.0"\n')
        (place / "Cargo.lock").write_text("version = 4\n")
    copies = "COPY Cargo.toml Cargo.lock ./\nCOPY src src\nRUN cargo build --release\n"
    (context / "Dockerfile").write_text(f"FROM rust:1\nWORKDIR /app\n{copies}")
    return context


@pytest.fixture
def context(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A context of one of three projects."""
    if request.param == "aggregator":
        services: Path = request.getfixturevalue("services")
        return services / AGGREGATOR.name
    return {"workspace": workspace, "rust": rust}[request.param](tmp_path)


CONTEXTS = ["aggregator", "workspace", "rust"]


def made(cli: Cli, command: str, context: Path, *options: str) -> Path:
    """Return the page that a command makes of the context."""
    page = context.parent / f"{command}.html"
    done = cli(command, "--format", f"html={page}", *options, str(context))
    assert done.code in (0, 1), done.err
    assert page.stat().st_size < 300_000
    return page


def json_of(cli: Cli, *arguments: str) -> Any:
    return json.loads(cli(*arguments, "--format", "json").out)


def sizes(report: Any) -> dict[str, int]:
    named = {"Context": report["context"], "Transfer": report.get("transfer")}
    return {name: each["content_bytes"] for name, each in named.items() if each}


def measured(cli: Cli, context: Path) -> dict[str, int]:
    """Return the figures of `measure`; those of several transfers are added up."""
    report = json_of(cli, "measure", str(context))
    found = sizes(report)
    if "Transfer" in found:
        found["Transfer"] += sum(each["content_bytes"] for each in report["more_transfers"])
    return found


def choose(tab: Tab, chosen: set[int]) -> None:
    tab.get(
        "document.querySelectorAll('#rules input').forEach((box, at) => {"
        f" if (box.checked !== {json.dumps(sorted(chosen))}.includes(at)) box.click(); }})"
    )


def legend(tab: Tab) -> dict[str, tuple[int, ...]]:
    """Return the exact bytes, and the files, of each fate: the page adds them up itself."""
    script = "[...document.querySelectorAll('#legend li')].map((e) => [e.children[1].textContent,"
    found = tab.get(f"{script} e.lastChild.title, e.lastChild.textContent.split(' in ')[1]])")
    return {name: tuple(int(re.sub(r"\D", "", each)) for each in pair) for name, *pair in found}


def as_it_is(tab: Tab) -> Tab:
    """Switch off what is not needed: the page then has the figures of today."""
    tab.get("document.getElementById('none').click()")
    return tab


@pytest.mark.parametrize("context", CONTEXTS, indirect=True)
def test_totals_are_those_of_measure(context: Path, cli: Cli, show: Show) -> None:
    tab = show(made(cli, "measure", context))
    assert figures(tab) == sizes(json_of(cli, "suggest", str(context))["after"])
    as_it_is(tab)
    assert figures(tab) == measured(cli, context)
    report = json_of(cli, "measure", str(context))["context"]
    content_bytes, files = zip(*legend(tab).values(), strict=True)
    assert (sum(content_bytes), sum(files)) == (report["content_bytes"], report["files"])


@pytest.mark.parametrize("context", ["aggregator", "rust"], indirect=True)
def test_legend_adds_up_to_the_transfer(context: Path, cli: Cli, show: Show) -> None:
    """Without hard links and empty files, all that travels has its own size."""
    transfer = json_of(cli, "measure", str(context))["transfer"]
    found = legend(as_it_is(show(made(cli, "measure", context))))
    assert found["Travels"] == (transfer["content_bytes"], transfer["files"])


@pytest.mark.parametrize("context", CONTEXTS, indirect=True)
def test_page_opens_with_what_suggest_proved(context: Path, cli: Cli, show: Show) -> None:
    tab = show(made(cli, "suggest", context))
    assert figures(tab) == sizes(json_of(cli, "suggest", str(context))["after"])
    assert cli("suggest", "--write", str(context)).code == 0
    assert tab.text("#text").encode() == (context / ".dockerignore").read_bytes()


@pytest.mark.parametrize("context", CONTEXTS, indirect=True)
def test_each_choice_is_what_its_file_does(context: Path, cli: Cli, show: Show) -> None:
    """Write the text that the page shows, and measure: the figures are the same."""
    tab = show(made(cli, "suggest", context))
    everything = set(range(tab.get("document.querySelectorAll('#rules input').length")))
    assert everything
    single = [{at} for at in everything]
    for chosen in [set(), everything, *single, *(everything - each for each in single)]:
        choose(tab, chosen)
        text = tab.text("#text").encode()
        if text:
            (context / ".dockerignore").write_bytes(text)
        else:
            (context / ".dockerignore").unlink(missing_ok=True)
        assert figures(tab) == measured(cli, context), chosen


def test_hostile_names_of_files_are_shown(tmp_path: Path, cli: Cli, show: Show) -> None:
    names = ("<img src=x onerror=alert(1)>", "\x1b[31mred", "a\u202egnp.exe", "\udcff", "\u2028x")
    context = tmp_path / "context"
    (context / "<b>bold").mkdir(parents=True)
    for name in names:
        (context / "<b>bold" / name).write_bytes(bytes(99))
    (context / "Dockerfile").write_text("FROM x\nCOPY . .\n")
    tab = show(made(cli, "measure", context))
    tab.click("#list button", "<b>bold")
    shown = tab.texts("#list .name")
    assert "<img src=x onerror=alert(1)>" in shown
    assert any("\\033[31mred" in each for each in shown)
    assert any("\\377" in each for each in shown)
    assert not [each for each in shown if "\u202e" in each or "\u2028" in each or "\x1b" in each]
    assert tab.get("document.querySelectorAll('img, b.bold').length") == 0


def test_scan_shows_each_build_under_its_budget(services: Path, cli: Cli, show: Show) -> None:
    (services / "ctxsize.toml").write_text('max = "50MB"\n')
    builds = json_of(cli, "scan", str(services))["builds"]
    contexts = {Path(each["context"]).name: each["context_size"] for each in builds}
    tab = show(made(cli, "scan", services))
    assert tab.texts(".build .bad") == ["over budget", "over budget", ""]
    for name in (service.name for service in SERVICES):
        tab.click(".build", name)
        assert figures(tab)["Context"] == contexts[name]["content_bytes"]
        assert figures(tab)["Budget of the transfer"] == 50_000_000


def test_diff_adds_up_to_both_sides(tmp_path: Path, cli: Cli, show: Show) -> None:
    before = workspace(tmp_path / "before")
    after = workspace(tmp_path / "after")
    (after / "src" / "new.js").write_bytes(bytes(7_000))
    (after / "README.md").unlink()
    page = tmp_path / "diff.html"
    assert cli("diff", "--format", f"html={page}", str(before), str(after)).code in (0, 1)
    tab = show(page)
    assert figures(tab)["Context"] == measured(cli, after)["Context"]
    assert tab.texts("#legend li")[0] == "Added7.0 kB in 1 file"
    assert tab.texts("#legend li")[1] == "Removed1.2 kB in 1 file"
    tab.click("#list button", "src")
    assert tab.texts("#list .name") == ["new.js", "index.js"]


def test_ignored_entries_are_on_the_map_if_asked(tmp_path: Path, cli: Cli, show: Show) -> None:
    context = workspace(tmp_path)
    tab = as_it_is(show(made(cli, "measure", context, "--ignored")))
    assert figures(tab) == measured(cli, context)
    tab.get(
        "[...document.querySelectorAll('#list .row')].find((e) => "
        "e.textContent.includes('npm.log')).focus()"
    )
    assert "ignored: *.log" in tab.text("#detail")
