"""The HTML page in a real browser: figures, suggestions, search, keys, names and sizes."""

from __future__ import annotations

import itertools
import json
import re
from pathlib import Path
from typing import Any

import pytest

from ctxsize.formats import is_report
from ctxsize.formats.html import render
from tests.browser import Browser, Tab
from tests.page.conftest import Show
from tests.page.samples import files, one, page, total

CLASSES: list[dict[str, Any]] = [
    {"fate": "travels", "by": None, "takers": [0], "hidden_by": []},
    {"fate": "travels", "by": None, "takers": [0], "hidden_by": [[[0, "-"]]]},
    {"fate": "context", "by": None, "takers": [], "hidden_by": [[[0, "-"], [1, "+"]]]},
    {"fate": "context", "by": None, "takers": [], "hidden_by": [[[1, "-"]], [[2, "-"]]]},
    {"fate": "ignored", "by": 0, "takers": [], "hidden_by": []},
]
TREE = {
    "target": {
        "debug": {"one.rlib": (13_000_000, 1), "two.rlib": (4_000_000, 1)},
        "keep.txt": (1_000, 2),
    },
    "node_modules": {"react": {"index.js": (2_000_000, 4)}},
    "linked": (500, 3),
    "src/deep/down": {"main.rs": (40_000, 0), "lib.rs": (30_000, 0)},
}
BEFORE = "# today\n"
LINES = [
    [0, "**/target", "Build artefacts", "Cargo's"],
    [1, "é", "Text", "Text"],
    [2, "linked", "Build artefacts", "a link"],
    [0, "target.old", "Build artefacts", "Cargo's"],
]
AROUND = [[BEFORE, "# >>>\n", "# <<<\n", "!behind\n", "\n"]]


def text(chosen: set[int]) -> str:
    """Return the file: a block of the lines that are on, by heading and with their reasons."""
    build = "# Cargo's\n**/target\n" * (0 in chosen) + "# a link\nlinked\n" * (2 in chosen)
    build += "# Cargo's\n" * ({0, 2} <= chosen) + "target.old\n" * (0 in chosen)
    parts = ["# Build artefacts\n" + build] * bool(build) + ["# Text\né\n"] * (1 in chosen)
    if chosen and min(chosen) == 1:
        parts.reverse()
    block = "# >>>\n" + "\n".join(parts) + "# <<<\n" if parts else ""
    return f"{BEFORE}{block}!behind\n"


def suggestion(**more: Any) -> dict[str, Any]:
    rules = [
        {"text": [text], "why": "", "safe": safe, "chosen": safe, "saves": [0, 0], "doubts": doubts}
        for text, safe, doubts in (
            ("**/target", True, []),
            ("é", True, []),
            ("linked", False, ["a program may read it"]),
        )
    ]
    ignore_file = {
        "path": ".dockerignore",
        "new": False,
        "own": 0,
        "lines": LINES,
        "around": AROUND,
        "exceptional": [],
    }
    return page(one(TREE, CLASSES, rules=rules, ignore_file=ignore_file, **more), kind="suggest")


def figures(tab: Tab) -> dict[str, int]:
    """Return the exact bytes of each figure."""
    script = (
        "[...document.querySelectorAll('.figure')].map((e) => [e.firstChild.textContent, e.title])"
    )
    return {name: int(re.sub(r"\D", "", title)) for name, title in tab.get(script)}


def cells(tab: Tab) -> list[str]:
    return tab.texts("#map .cell .name")


def rows(tab: Tab) -> list[str]:
    return tab.texts("#list .row .name")


def focus(tab: Tab) -> str:
    return str(tab.get("document.activeElement.querySelector('.name')?.textContent ?? ''"))


def expected(chosen: set[int]) -> tuple[int, int]:
    """Return the bytes of context and transfer by the words of the contract."""
    gone = {
        1: 0 in chosen,
        2: 0 in chosen and 1 not in chosen,
        3: 1 in chosen and 2 in chosen,
        4: True,
    }
    leaves = {0: 70_000, 1: 17_000_000, 2: 1_000, 3: 500, 4: 2_000_000}
    more = len(text(chosen).encode()) - len(text(set()).encode())
    left = {index: size for index, size in leaves.items() if not gone.get(index)}
    return sum(left.values()) + more, sum(left[index] for index in (0, 1) if index in left) + more


def test_figures_are_those_of_the_report(show: Show) -> None:
    data = page(one(TREE, CLASSES))
    tab = show(data)
    sizes = data["maps"][0]["before"]
    assert figures(tab) == {"Context": sizes["context"][0], "Transfer": sizes["transfer"][0]}
    assert tab.texts("#legend li") == [
        "Travels17.1 MB in 4 files",
        "In the context only1.5 kB in 2 files",
        "Ignored2.0 MB in 1 file",
    ]


def test_each_choice_has_its_figures_and_its_text(show: Show) -> None:
    tab = show(suggestion())
    for chosen in (set(each) for n in range(4) for each in itertools.combinations(range(3), n)):
        tab.get(
            f"document.querySelectorAll('#rules input').forEach((box, at) => {{"
            f" if (box.checked !== {json.dumps(sorted(chosen))}.includes(at)) box.click(); }})"
        )
        assert tuple(figures(tab).values()) == expected(chosen), chosen
        assert tab.text("#text") == text(chosen), chosen


def test_buttons_choose_all_safe_rules_or_none(show: Show) -> None:
    tab = show(suggestion())
    tab.click("#none")
    assert tab.text("#text") == text(set())
    tab.click("#safe")
    assert tab.text("#text") == text({0, 1})
    assert tab.texts("#rules .doubt") == ["a program may read it"]


def test_button_copies_the_file(show: Show) -> None:
    tab = show(suggestion())
    tab.get(
        "window.copied = [], document.addEventListener('copy', () =>"
        " copied.push(document.activeElement.value)), Object.defineProperty(navigator, 'clipboard',"
        " {value: {writeText: async (text) => { copied.push(text); }}}), null"
    )
    tab.click("#copy")
    tab.wait("document.getElementById('copy').textContent === 'Copied'")
    tab.get("navigator.clipboard.writeText = () => Promise.reject(new Error('denied')), null")
    tab.click("#copy")
    tab.wait("copied.length === 2")
    assert tab.get("copied") == [text({0, 1})] * 2


def test_map_shows_only_what_is_sent_if_asked(show: Show) -> None:
    tab = show(suggestion())
    assert "target" in cells(tab)
    tab.click("#only")
    assert rows(tab) == ["src/deep/down/", "target/", "linked"]
    assert "node_modules" not in cells(tab)


def test_a_reader_zooms_by_click_and_returns_by_breadcrumb(show: Show) -> None:
    tab = show(page(one(TREE, CLASSES)))
    tab.click("#list button", "src/deep/down")
    assert rows(tab) == ["main.rs", "lib.rs"]
    assert tab.text("#crumbs") == "service/src/deep/down"
    tab.click("#crumbs button", "service")
    tab.click("#map .frame", "debug")
    assert tab.text("#crumbs") == "service/target/debug"
    tab.click("#crumbs button", "target")
    assert rows(tab) == ["debug/", "keep.txt"]


def test_keys_alone_suffice(show: Show) -> None:
    tab = show(page(one(TREE, CLASSES)))
    tab.get("document.querySelector('#map [tabindex=\"0\"]').focus()")
    assert focus(tab) == "target"
    tab.key("ArrowDown")
    assert focus(tab) == "debug"
    tab.key("ArrowDown")
    tab.key("ArrowRight")
    assert focus(tab) == "two.rlib"
    tab.key("ArrowUp")
    tab.key("Enter", "\r")
    assert tab.text("#crumbs") == "service/target/debug"
    tab.key("Backspace")
    tab.key("Escape")
    assert tab.text("#crumbs") == "service"
    assert focus(tab) == "target"
    tab.get("document.querySelector('#list [tabindex=\"0\"]').focus()")
    tab.key("End")
    assert focus(tab) == "linked"


def test_search_finds_and_dims_the_others(show: Show) -> None:
    tab = show(page(one(TREE, CLASSES)))
    tab.key("/", "/")
    tab.type("RLIB")
    assert rows(tab) == ["one.rlib", "two.rlib"]
    assert tab.texts("#list .where") == ["target/debug"] * 2
    assert tab.text("#heading") == "2 found: 17.0 MB in 2 files"
    assert "react" in "".join(tab.texts("#map .dim"))
    assert "one.rlib" not in "".join(tab.texts("#map .dim"))
    tab.key("Enter", "\r")
    assert focus(tab) == "one.rlib"
    tab.key("Enter", "\r")
    assert tab.text("#crumbs") == "service/target/debug"
    assert tab.get("document.getElementById('search').value") == ""
    tab.key("/", "/")
    tab.type("nowhere")
    assert tab.text("#heading") == "Nothing found"
    tab.key("Escape")
    assert rows(tab) == ["one.rlib", "two.rlib"]


def test_list_and_map_show_each_other_and_the_reason(show: Show) -> None:
    tab = show(suggestion())
    tab.get(
        "[...document.querySelectorAll('#map .cell')].find((e) => "
        "e.textContent.includes('one.rlib')).focus()"
    )
    assert tab.texts("#list .lit .name") == ["target/"]
    assert tab.text("#detail") == (
        "target/debug/one.rlib13.0 MB in 1 filesuggested to go: **/target"
    )
    tab.get("[...document.querySelectorAll('#list .row')].at(1).focus()")
    assert tab.texts("#map .lit .name") == ["node_modules"]
    assert "ignored: **/node_modules" in tab.text("#detail")
    tab.click("#none")
    tab.get("[...document.querySelectorAll('#list .row')].at(0).focus()")
    assert "travels: COPY . . (Dockerfile:4)" in tab.text("#detail")


HOSTILE = (
    "<img src=x onerror=alert(1)>",
    "</script><script>document.title='run'</script>",
    "<!--<script>",
    "\\033[31mred",
    "a\u202egnp.exe",
    "javascript:alert(1)",
    "{{script}}",
    "' onmouseover='alert(1)",
    "\udcff\u2028",
)


@pytest.mark.parametrize("name", HOSTILE, ids=repr)
def test_names_are_shown_and_do_nothing(name: str, show: Show) -> None:
    named = {"text": [name], "why": name, "safe": True, "chosen": True, "saves": [1, 1]}
    data = page(
        one(
            {name: {name: (5_000, 0), "other": (4_000, 0)}},
            [{**CLASSES[0], "hidden_by": [[[0, "-"]]]}],
            rules=[{**named, "doubts": [name]}],
            ignore_file={
                "path": name,
                "new": True,
                "own": None,
                "lines": [[0, name, name, name]],
                "around": [["", name, name, "", "\n"]],
                "exceptional": [],
            },
            **dict.fromkeys(("name", "verdict", "context_path", "command", "printed"), name),
        ),
        kind="suggest",
        title=name,
    )
    tab = show(data)
    for selector in ("#title", "#rules code", "#rules .doubt", "#map .name", "#verdict"):
        assert tab.text(selector) == name, selector
    assert tab.get("document.querySelectorAll('script').length") == 2
    assert tab.get("document.querySelectorAll('img, iframe, object, embed, link').length") == 0
    assert tab.get("document.title") != "run"


def test_markup_in_the_page_cannot_run_or_load(browser: Browser, tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    file.write_text(render(page(one(TREE, CLASSES))))
    tab = browser.open(file)
    tab.get(
        "document.body.insertAdjacentHTML('beforeend', `<img src='https://example.invalid/x.png'"
        " onerror='window.ran = 1'><iframe srcdoc='<script>parent.ran = 1</script>'></iframe>`),"
        "document.body.append(Object.assign(document.createElement('script'),"
        " {textContent: 'window.ran = 1'})), null"
    )
    tab.get("new Promise((resolve) => setTimeout(resolve, 200))")
    failed = {each["requestId"]: each for each in tab.events("Network.loadingFailed")}
    asked = [
        failed[each["requestId"]].get("blockedReason")
        for each in tab.events("Network.requestWillBeSent")
        if not each["request"]["url"].startswith(("file:", "about:"))
    ]
    assert set(asked) == {"csp"}
    assert tab.get("window.ran === undefined")
    tab.close()


def test_names_on_the_map_are_text_for_the_browser(show: Show) -> None:
    tab = show(page(one(TREE, CLASSES)))
    assert tab.get("window.find('two.rlib')")
    labels = tab.get("[...document.querySelectorAll('.cell')].map((e) => e.ariaLabel)")
    assert "target/debug/two.rlib, 4.0 MB, travels" in labels


@pytest.mark.parametrize("wish", ["reduce", "no-preference"])
def test_nothing_moves_if_the_reader_wishes_so(wish: str, show: Show) -> None:
    tab = show(page(one(TREE, CLASSES)), prefers_reduced_motion=wish)
    lasts = tab.get("getComputedStyle(document.querySelector('.cell')).transitionDuration")
    assert (lasts == "0s") == (wish == "reduce")


def test_scan_opens_the_map_of_each_build(show: Show) -> None:
    small = one({"a.rs": (3_000, 0)}, CLASSES, name="small", budget=50_000)
    large = one(TREE, CLASSES, name="large", budget=50_000)
    unlimited = one({"b.rs": (60_000, 0)}, CLASSES, name="unlimited")
    broken = one({}, CLASSES, name="broken", error="no such directory", before={"context": None})
    tab = show(page(small, unlimited, large, broken, kind="scan"))
    assert tab.texts(".build .name") == ["large", "unlimited", "small", "broken"]
    assert tab.texts(".build .bytes") == [
        "19.1 MB of 50.0 kB",
        "60.0 kB",
        "3.0 kB of 50.0 kB",
        "0 B",
    ]
    assert tab.texts(".build .bad") == ["over budget", "", "", "not measured"]
    assert tab.text("#name") == "large"
    tab.click(".build", "small")
    assert (tab.text("#name"), rows(tab)) == ("small", ["a.rs"])
    tab.click(".build", "broken")
    assert (tab.text("#figures"), rows(tab)) == ("no such directory", [])


def test_scan_without_a_build_is_no_error(show: Show) -> None:
    tab = show(page(kind="scan", title="empty"))
    assert "There is no build here." in tab.get("document.body.innerText")


def test_map_is_drawn_again_for_another_width(show: Show) -> None:
    tab = show(page(one(TREE, CLASSES)), width=1200)
    tab.get("document.querySelector('.cell').id = 'old', null")
    tab.resize(500, 900)
    tab.wait("!document.getElementById('old')")
    assert tab.get("document.documentElement.scrollWidth") <= 500


def test_diff_shows_what_came_and_went(show: Show) -> None:
    classes = [{**CLASSES[4], "fate": fate, "by": None} for fate in ("added", "removed", "same")]
    tree = {"dump.bin": (5_000, 0), "old.log": (3_000, 1), "src": {"a.js": (100, 2)}}
    sizes = {"before": {"context": [3_100, 2], "transfer": None}, "after": {"context": [5_100, 2]}}
    tab = show(page(one(tree, classes, **sizes), kind="diff"))
    assert figures(tab) == {"Context": 5_100}
    assert "before: 3.1 kB in 2 files" in tab.text(".figure")
    assert tab.texts("#legend b") == ["Added", "Removed", "Unchanged"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [400, 1200])
def test_page_fits_and_can_be_read(scheme: str, width: int, show: Show) -> None:
    tab = show(suggestion(), width=width, prefers_color_scheme=scheme)
    assert tab.get("document.documentElement.scrollWidth") <= width
    assert tab.picture().startswith(b"\x89PNG")
    assert tab.get(CONTRAST) == []


CONTRAST = """(() => {
  const canvas = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
  const rgb = (colour) => {
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3);
  };
  const light = (colour) => rgb(colour).map((value) => value / 255)
    .map((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4))
    .reduce((sum, value, at) => sum + value * [0.2126, 0.7152, 0.0722][at], 0);
  const value = (name) => getComputedStyle(document.documentElement).getPropertyValue(name);
  const pairs = [["--ink", "--paper"], ["--soft", "--paper"], ["--soft", "--wash"],
    ["--ink", "--line"], ["--bad", "--paper"], ["--focus", "--paper"]];
  for (const fate of ["travels", "context", "goes", "ignored", "added", "removed", "same"]) {
    pairs.push([`--${fate}-ink`, `--${fate}`]);
    if (value(`--${fate}-hatch`)) pairs.push([`--${fate}-ink`, `--${fate}-hatch`]);
  }
  return pairs.map(([one, two]) => [light(value(one)), light(value(two)), one, two])
    .map(([one, two, ...names]) => [Math.max(one, two) + 0.05, Math.min(one, two) + 0.05, names])
    .map(([high, low, names]) => [high / low, ...names])
    .filter(([ratio]) => ratio < 4.5);
})()"""
"""Return the pairs of colours with less contrast than AA of the WCAG asks for."""


def test_page_can_be_printed(show: Show) -> None:
    tab = show(suggestion())
    assert tab.pdf().startswith(b"%PDF")


def test_a_page_of_5000_nodes_is_there_at_once(show: Show) -> None:
    tree = {
        f"directory-{outer}": {
            f"part-{middle}": {f"file-{n}.rlib": (10_000 + n * outer, 1) for n in range(24)}
            for middle in range(10)
        }
        for outer in range(20)
    }
    data = page(one(tree, CLASSES))
    assert len(render(data)) < 300_000
    tab = show(data)
    # A quarter of a second on an idle machine, of which the layout takes the most.
    assert 0 < tab.get("performance.getEntriesByType('navigation')[0].domComplete") < 3_000
    assert 500 < tab.get("document.querySelectorAll('.cell').length") <= 2_500


def test_every_cell_lies_within_its_map(show: Show) -> None:
    tab = show(page(one(TREE, CLASSES)))
    outside = """(() => {
      const map = document.getElementById("map").getBoundingClientRect();
      return [...document.querySelectorAll(".cell")].map((cell) => cell.getBoundingClientRect())
        .filter((box) => box.left < map.left - 1 || box.right > map.right + 1
          || box.top < map.top - 1 || box.bottom > map.bottom + 1).length;
    })()"""
    assert tab.get(outside) == 0


def test_areas_are_proportional(show: Show) -> None:
    tab = show(page(one({"a": (6_000, 0), "b": (3_000, 0), "c": (1_000, 0)}, CLASSES)))
    areas = tab.get(
        "[...document.querySelectorAll('.cell')].map((e) => e.getBoundingClientRect())"
        ".map((box) => box.width * box.height)"
    )
    assert [round(10 * area / sum(areas)) for area in areas] == [6, 3, 1]


def test_the_page_is_known_as_a_report() -> None:
    data = page(one(TREE, CLASSES))
    assert is_report(render(data).encode())
    assert total(data["maps"][0]["tree"]) == 19_071_500
    assert files(data["maps"][0]["tree"]) == 7
