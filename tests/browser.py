"""Debian's chromium without a window, driven by its own protocol over two pipes."""

from __future__ import annotations

import base64
import fcntl
import json
import os
import select
import subprocess
import time
from pathlib import Path
from typing import Any

from tests.oracles import availability

_FLAGS = (
    *("--headless=new", "--no-sandbox", "--remote-debugging-pipe", "--disable-gpu"),
    *("--no-first-run", "--disable-extensions", "--disable-background-networking"),
    *(
        "--disable-component-update",
        "--disable-sync",
        "--disable-dev-shm-usage",
        "--hide-scrollbars",
        "--lang=en-US",
    ),
)
_SECONDS = 300


class Browser:
    """One process; `open` gives a tab of its own to each page."""

    def __init__(self, profile: Path) -> None:
        theirs_in, self._out = (_high(each) for each in os.pipe())
        self._in, theirs_out = (_high(each) for each in os.pipe())
        script = f'exec "$@" 3<&{theirs_in} 4>&{theirs_out}'
        executable = availability.browser() or "chromium"
        command = [executable, *_FLAGS, f"--user-data-dir={profile}"]
        self._process = subprocess.Popen(
            ["bash", "-c", script, "chromium", *command],
            pass_fds=(theirs_in, theirs_out),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(theirs_in)
        os.close(theirs_out)
        self._read, self._number = b"", 0
        self.events: list[dict[str, Any]] = []

    def call(self, method: str, session: str | None = None, **parameters: Any) -> dict[str, Any]:
        """Return the answer to a command; keep the events that come before it."""
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": parameters}
        if session:
            message["sessionId"] = session
        os.write(self._out, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") != self._number:
                self.events.append(answer)
                continue
            assert "error" not in answer, (method, answer)
            result: dict[str, Any] = answer["result"]
            return result

    def _next(self) -> dict[str, Any]:
        deadline = time.monotonic() + _SECONDS
        while b"\0" not in self._read:
            ready, _, _ = select.select([self._in], [], [], max(0.0, deadline - time.monotonic()))
            assert ready, "the browser does not answer"
            part = os.read(self._in, 1 << 20)
            assert part, "the browser ended"
            self._read += part
        message, _, self._read = self._read.partition(b"\0")
        answer: dict[str, Any] = json.loads(message)
        return answer

    def open(self, file: Path, *, width: int = 1200, height: int = 900, **media: str) -> Tab:
        """Return a tab that has loaded `file`; `media` are features such as a colour scheme."""
        self.events.clear()
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        tab = Tab(self, target, session)
        for domain in ("Page", "Runtime", "Network", "Log"):
            tab.call(f"{domain}.enable")
        tab.resize(width, height)
        features = [{"name": name.replace("_", "-"), "value": each} for name, each in media.items()]
        tab.call("Emulation.setEmulatedMedia", features=features)
        tab.call("Page.navigate", url=file.as_uri())
        tab.wait("document.readyState === 'complete' && location.protocol === 'file:'")
        return tab

    def close(self) -> None:
        self.call("Browser.close")
        self._process.wait(_SECONDS)
        os.close(self._in)
        os.close(self._out)


class Tab:
    """One page."""

    def __init__(self, browser: Browser, target: str, session: str) -> None:
        self._browser, self._target, self._session = browser, target, session

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        return self._browser.call(method, self._session, **parameters)

    def get(self, expression: str) -> Any:
        """Return the value of JavaScript; a promise is awaited."""
        answer = self.call(
            "Runtime.evaluate",
            expression=expression,
            awaitPromise=True,
            returnByValue=True,
            userGesture=True,
        )
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def text(self, selector: str) -> str:
        return str(self.get(f"document.querySelector({json.dumps(selector)}).textContent"))

    def texts(self, selector: str) -> list[str]:
        query = f"[...document.querySelectorAll({json.dumps(selector)})].map((e) => e.textContent)"
        return list(self.get(query))

    def click(self, selector: str, containing: str = "") -> None:
        """Click the first element that the selector finds and that has the text."""
        query = f"[...document.querySelectorAll({json.dumps(selector)})]"
        self.get(f"{query}.find((e) => e.textContent.includes({json.dumps(containing)})).click()")

    def key(self, name: str, text: str = "") -> None:
        parameters = {"text": text} if text else {}
        self.call("Input.dispatchKeyEvent", type="keyDown", key=name, code=name, **parameters)
        self.call("Input.dispatchKeyEvent", type="keyUp", key=name, code=name)

    def type(self, text: str) -> None:
        self.call("Input.insertText", text=text)

    def wait(self, condition: str) -> None:
        deadline = time.monotonic() + _SECONDS
        while not self.get(condition):
            assert time.monotonic() < deadline, condition
            time.sleep(0.02)

    def resize(self, width: int, height: int) -> None:
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.call("Emulation.setDeviceMetricsOverride", **size)

    def picture(self) -> bytes:
        return base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"])

    def pdf(self) -> bytes:
        return base64.b64decode(self.call("Page.printToPDF", printBackground=True)["data"])

    def events(self, method: str) -> list[dict[str, Any]]:
        """Return the parameters of what happened in this tab so far."""
        return [
            each["params"]
            for each in self._browser.events
            if each.get("method") == method and each.get("sessionId") == self._session
        ]

    def close(self) -> None:
        self._browser.call("Target.closeTarget", targetId=self._target)


def _high(descriptor: int) -> int:
    """Move a descriptor out of the way of 3 and 4; the shell passes it on."""
    moved = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, 10)
    os.close(descriptor)
    return moved
