"""The HTML page in a real browser: figures, suggestions, search, keys, names and sizes."""

from __future__ import annotations

import itertools
import json
import re
from pathlib import Path
from typing import Any

import pytest

from ctxsize.formats import is_report
from ctxsize.page.html import render
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


def copying(tab: Tab, *, refused: bool) -> None:
    """Replace the clipboard of the tab by a list, and refuse what asks for a permission."""
    tab.get(
        "window.copied = [], window.addEventListener('copy', (event) =>"
        " copied.push(event.clipboardData.getData('text/plain'))),"
        " Object.defineProperty(navigator, 'clipboard', {value: {writeText: async (text) => {"
        f" if ({json.dumps(refused)}) throw new Error('denied'); copied.push(text); }}}}}}), null"
    )


@pytest.mark.parametrize("refused", [False, True])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_button_copies_the_file_to_the_byte(refused: bool, end: str, show: Show) -> None:
    data = suggestion()
    file = data["maps"][0]["ignore_file"]
    file["around"] = [[each.replace("\n", end) for each in file["around"][0]]]
    tab = show(data)
    copying(tab, refused=refused)
    tab.click("#copy")
    tab.wait("document.getElementById('copy').textContent === 'Copied'")
    assert tab.get("copied") == [text({0, 1}).replace("\n", end)]


@pytest.mark.parametrize("fails", ["() => false", "() => true"])
def test_button_admits_that_nothing_was_copied(fails: str, show: Show) -> None:
    """Some browsers refuse; others claim to have copied, without asking for the text."""
    tab = show(suggestion())
    copying(tab, refused=True)
    tab.get(f"document.execCommand = {fails}, null")
    tab.click("#copy")
    tab.wait("document.getElementById('copy').textContent !== 'Copy'")
    assert tab.text("#copy") == "Not copied: select the text"
    assert tab.get("copied") == []


@pytest.mark.parametrize("copyable", [None, True, False])
def test_what_is_not_utf_8_cannot_be_copied(copyable: bool | None, show: Show) -> None:
    data = suggestion()
    data["maps"][0]["ignore_file"] |= {} if copyable is None else {"copyable": copyable}
    tab = show(data)
    shown, refused = tab.get("document.body.innerText"), copyable is False
    assert tab.get("document.getElementById('copy').hidden") == refused
    assert ("not UTF-8: use ctxsize suggest --write" in shown) == refused


def test_map_shows_only_what_is_sent_if_asked(show: Show) -> None:
    tab = show(suggestion())
    assert "target" in cells(tab)
    tab.click("#only")
    assert rows(tab) == ["src/deep/down/", "target/", "linked"]
    assert "node_modules" not in cells(tab)
    assert tab.text("#heading") == "All: 71.5 kB in 4 files"
    assert tab.text("#detail") == (
        "All71.5 kB in 4 filestravels: COPY . . (Dockerfile:4)in the context only"
    )


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


CLOSED = {
    "r": ["", "r", [[0, 900, 3]], [], 2],
    "unopened": ["many", "d", [[0, 5_000, 40]], [], 40],
    "links": ["", "r", [[0, 0, 0]], [], 7],
}


@pytest.mark.parametrize(
    ("closed", "rest"),
    [
        (["r"], "3 other files"),
        (["unopened", "r"], "43 other files"),
        (["links"], "the smallest entries"),
        ([], ""),
    ],
)
def test_search_says_what_it_cannot_see(closed: list[str], rest: str, show: Show) -> None:
    data = page(one({"a": (7_000, 0), "b": (6_000, 0)}, CLASSES))
    data["maps"][0]["tree"][3] += [CLOSED[each] for each in closed]
    tab = show(data)
    tab.key("/", "/")
    tab.type("file00000")
    named, end = 2 + ("unopened" in closed), f". Not searched: {rest}" * bool(rest)
    among = f" among the {named} entries on this page" * bool(rest)
    assert tab.text("#heading") == f"Nothing found{among}{end}"
    tab.key("Escape")
    tab.type("b")
    assert tab.text("#heading") == f"1 found: 6.0 kB in 1 file{end}"


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
        "",
    ]
    assert tab.texts(".build .bad") == ["over budget", "", "", "not measured"]
    assert tab.text("#name") == "large"
    tab.click(".build", "small")
    assert (tab.text("#name"), rows(tab)) == ("small", ["a.rs"])
    tab.click(".build", "broken")
    assert (tab.text("#figures"), rows(tab)) == ("no such directory", [])


def verdicts(tab: Tab) -> dict[str, tuple[str, str]]:
    """Return the size and the verdict of each build."""
    parts = (tab.texts(f".build .{each}") for each in ("name", "bytes", "bad"))
    return {name: (size, verdict) for name, size, verdict in zip(*parts, strict=True)}


def test_scan_takes_the_figure_that_the_budget_limits(show: Show) -> None:
    sizes = {"context": [90_100, 4], "transfer": [50, 1]}
    limited = {"before": sizes, "budget": 10_000}
    unknown = {**limited, "before": {**sizes, "transfer": None}, "budget_of": "transfer"}
    tree = {"a": (90_100, 0)}
    tab = show(
        page(
            one(tree, CLASSES, name="context", **limited, budget_of="context"),
            one(tree, CLASSES, name="transfer", **limited, budget_of="transfer"),
            one(tree, CLASSES, name="unknown", **unknown),
            kind="scan",
        )
    )
    assert verdicts(tab) == {
        "context": ("90.1 kB of 10.0 kB", "over budget"),
        "transfer": ("50 B of 10.0 kB", ""),
        "unknown": ("90.1 kB", ""),
    }
    assert tab.text("#verdict") == "3 builds: 1 over budget"
    assert tab.texts(".figure")[2] == "Budget10.0 kB80.1 kB over it"
    tab.click(".build", "transfer")
    assert tab.texts(".figure")[2] == "Budget of the transfer10.0 kB<1% used"
    assert tab.get("document.querySelector('.figure .over') === null")
    tab.click(".build", "unknown")
    assert tab.texts(".figure")[1] == "Budget of the transfer10.0 kBthe transfer is unknown"


def test_scan_marks_a_build_that_fails_and_says_why(show: Show) -> None:
    fine = one({"a": (90_000, 0)}, CLASSES, name="fine")
    over = one({"b": (90_000, 0)}, CLASSES, name="over", budget=10_000)
    failures = {"failures": ["COPY nope /s: not found"], "budget": 10_000}
    fails = one({"c": (40, 0)}, CLASSES, name="fails", **failures)
    both = one({"d": (20_000, 0)}, CLASSES, name="both", **failures)
    broken = {"name": "broken", "error": "unknown instruction: BOGUS", "budget": 10_000}
    tab = show(page(fine, over, fails, both, broken, kind="scan"))
    assert list(verdicts(tab).items()) == [
        ("both", ("20.0 kB of 10.0 kB", "build fails, over budget")),
        ("fails", ("40 B of 10.0 kB", "build fails")),
        ("over", ("90.0 kB of 10.0 kB", "over budget")),
        ("fine", ("90.0 kB", "")),
        ("broken", ("", "not measured")),
    ]
    assert tab.text("#verdict") == "5 builds: 2 failing, 2 over budget, 1 not measured"
    assert "COPY nope /s: not found" in tab.text("#figures")
    tab.click(".build", "broken")
    assert tab.text("#figures") == "unknown instruction: BOGUS"
    assert tab.text("#build") == ""


@pytest.mark.parametrize("width", [400, 1200])
def test_size_of_a_build_covers_no_name(width: int, show: Show) -> None:
    name = "services/" + "the_reconciliation_service_of_payments" * 2
    builds = [one(TREE, CLASSES, name=each, budget=10_000) for each in (name, "small")]
    tab = show(page(*builds, kind="scan"), width=width)
    wide = (
        "[...document.querySelectorAll('.build span')].filter((e) => e.scrollWidth > e.clientWidth)"
    )
    assert tab.get(f"{wide}.map((e) => e.textContent)") == []


def test_scan_without_a_build_is_no_error(show: Show) -> None:
    tab = show(page(kind="scan", title="empty"))
    assert "There is no build here." in tab.get("document.body.innerText")


def test_a_build_of_a_merged_report_has_no_map(show: Show) -> None:
    of_report = one({}, [], before={"context": [9 * 10**12, 2], "transfer": [20, 2]})
    tab = show(page(of_report, one(TREE, CLASSES, name="scanned"), kind="scan"))
    shown = "!document.getElementById('explorer').hidden"
    assert not tab.get(shown)
    assert "20 B" in tab.get("document.getElementById('figures').innerText")
    tab.get("document.querySelectorAll('.build')[1].click(), null")
    assert tab.get(shown)


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
def test_words_on_several_fates_can_be_read(scheme: str, show: Show) -> None:
    """A file that grew and a closed directory have the colours of all their fates."""
    classes = [{**CLASSES[4], "fate": fate, "by": None} for fate in ("added", "removed", "same")]
    data = page(one({}, classes), kind="diff")
    changes = {"Dockerfile": (400, 0, 600), "gone": (0, 600, 300), "new": (700, 200, 0)}
    for name, sizes in changes.items():
        amounts = [[at, size, 1] for at, size in enumerate(sizes) if size]
        data["maps"][0]["tree"][3].append([name, "f", amounts])
    data["maps"][0]["after"] = data["maps"][0]["before"]
    tab = show(data, prefers_color_scheme=scheme)
    assert tab.get(FIRST) == ["same", "removed", "added"]
    assert tab.get(CONTRAST.replace("const pairs = [", f"const pairs = [...{WORDS}, ")) == []


FIRST = """[...document.querySelectorAll(".leaf")]
  .map((e) => e.style.backgroundImage.match(/--(\\w+)/)[1])"""
"""The first colour of each cell."""
WORDS = """[...document.querySelectorAll(".leaf span")].map(getComputedStyle)
  .map((each) => [each.color, each.backgroundColor])"""
"""The colours of the words, and of what is directly behind them."""


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
  return pairs.map(([one, two]) => [light(value(one) || one), light(value(two) || two), one, two])
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


def test_a_map_with_many_entries_leaves_nothing_blank(show: Show) -> None:
    """When the cells are used up, directories stay closed, but none of them is missing."""
    service = {"node_modules": {f"m{n}": (9_000 - n, 0) for n in range(60)}, "src": (80_000, 1)}
    tree = {"services": {f"svc{n:02}": service for n in range(60)}, "Dockerfile": (80, 1)}
    tab = show(page(one(tree, CLASSES)))
    labels = tab.get("[...document.querySelectorAll('.cell')].map((e) => e.ariaLabel)")
    shown = {each.split(",")[0] for each in labels}
    assert {f"services/svc{n:02}/{e}" for n in range(60) for e in service} <= shown
    assert 2_000 < len(labels) <= 2_500


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
