"""One browser for all tests of the page."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import pytest

from ctxsize.page.html import render
from tests.browser import Browser, Tab
from tests.cli.conftest import cli
from tests.oracles.availability import require

__all__ = ["cli"]


class Show(Protocol):
    def __call__(self, data: dict[str, Any] | Path, **options: Any) -> Tab: ...


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    require("browser")
    running = Browser(tmp_path_factory.mktemp("profile"))
    yield running
    running.close()


@pytest.fixture
def show(browser: Browser, tmp_path: Path) -> Iterator[Show]:
    """Open a page of the data, or a file; afterwards no test has left an error or a request."""
    tabs: list[Tab] = []

    def opened(data: dict[str, Any] | Path, **options: Any) -> Tab:
        file = data if isinstance(data, Path) else tmp_path / f"page{len(tabs)}.html"
        if not isinstance(data, Path):
            file.write_text(render(data), encoding="utf-8")
        tabs.append(browser.open(file, **options))
        return tabs[-1]

    yield opened
    for tab in tabs:
        tab.get("new Promise((resolve) => setTimeout(resolve, 20))")
        urls = [each["request"]["url"] for each in tab.events("Network.requestWillBeSent")]
        assert [url for url in urls if not url.startswith("file:")] == []
        assert len(urls) == 1
        assert tab.events("Runtime.exceptionThrown") == []
        assert tab.events("Log.entryAdded") == []
        tab.close()
