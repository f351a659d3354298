"""A headless Chromium in the hands of a test: DevTools messages over a pipe, without any dependency.

Chromium started with --remote-debugging-pipe reads commands from descriptor 3 and writes answers and events to 4, as
JSON with a zero byte at the end. `Browser` is the process and the pipe, `Tab` one page that it shows.
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
import select
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

#: Names under which distributions install it.
NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome", "chrome")
OPTIONS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--remote-debugging-pipe"),
    *("--no-first-run", "--disable-background-networking", "--disable-component-update", "--force-color-profile=srgb"),
)
#: Seconds that an answer of the browser, or a condition, may take: a loaded machine starts it in a few.
PATIENCE = 60.0

#: Key -> (its code, virtual key code, text).
KEYS = {
    **{key: (key, number, "") for key, number in (("ArrowLeft", 37), ("ArrowUp", 38), ("ArrowRight", 39))},
    **{key: (key, number, "") for key, number in (("ArrowDown", 40), ("Home", 36), ("End", 35), ("Escape", 27))},
    **{key: (key, number, "") for key, number in (("PageUp", 33), ("PageDown", 34), ("Tab", 9), ("Delete", 46))},
    **{"Enter": ("Enter", 13, "\r"), " ": ("Space", 32, " ")},
}
_SHIFT = 8


class JavaScriptError(Exception):
    """What an evaluated expression threw."""


def executable() -> str | None:
    """The path of a Chromium on this machine."""
    return next((path for path in map(shutil.which, NAMES) if path), None)


def _pipe() -> tuple[int, int]:
    """A pipe whose ends are above descriptors 3 and 4, so that moving one there does not overwrite the other."""
    ends = os.pipe()
    high = tuple(fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for end in ends)
    for end in ends:
        os.close(end)
    return high[0], high[1]


class Browser:
    """One Chromium process; use it as a context.

    `open` gives a `Tab`. Everything happens in the calling thread: events are read while an answer is waited for.
    """

    def __init__(self, path: str) -> None:
        self._profile = tempfile.TemporaryDirectory(prefix="chromium-", ignore_cleanup_errors=True)
        command_in, self._commands = _pipe()
        self._answers, answer_out = _pipe()
        moves = [(os.POSIX_SPAWN_DUP2, command_in, 3), (os.POSIX_SPAWN_DUP2, answer_out, 4)]
        quiet = [(os.POSIX_SPAWN_OPEN, end, os.devnull, os.O_WRONLY, 0) for end in (1, 2)]
        arguments = [path, *OPTIONS, f"--user-data-dir={self._profile.name}", "about:blank"]
        self._process = os.posix_spawn(path, arguments, dict(os.environ), file_actions=[*moves, *quiet])
        os.close(command_in)
        os.close(answer_out)
        self._number, self._unread, self._tabs = 0, b"", dict[str, Tab]()

    def __enter__(self) -> Browser:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._commands)  # the end of its commands is its signal to end
        if not self._ended_within(10):
            os.kill(self._process, signal.SIGKILL)
            os.waitpid(self._process, 0)
        os.close(self._answers)
        self._profile.cleanup()

    def _ended_within(self, seconds: float) -> bool:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if os.waitpid(self._process, os.WNOHANG)[0]:
                return True
            time.sleep(0.02)
        return False

    def call(self, method: str, session: str | None = None, **params: Any) -> dict[str, Any]:
        """The result of one DevTools command."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": params}
        text = json.dumps(message | ({"sessionId": session} if session else {})).encode() + b"\0"
        while text:
            text = text[os.write(self._commands, text) :]
        while True:
            answer = self._read(method)
            if answer.get("id") == self._number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']['message']}")
                return dict(answer["result"])

    def _read(self, wanted: str) -> dict[str, Any]:
        """The next message; an event is also shown to its tab."""
        end = time.monotonic() + PATIENCE
        while b"\0" not in self._unread:
            if not select.select([self._answers], [], [], max(0.0, end - time.monotonic()))[0]:
                raise TimeoutError(f"the browser did not answer {wanted} in {PATIENCE:.0f} s")
            more = os.read(self._answers, 1 << 20)
            if not more:
                raise RuntimeError(f"the browser ended before it answered {wanted}")
            self._unread += more
        first, _, self._unread = self._unread.partition(b"\0")
        message: dict[str, Any] = json.loads(first)
        if message.get("sessionId") in self._tabs and "method" in message:
            self._tabs[message["sessionId"]].hear(message["method"], message["params"])
        return message

    def open(self, url: str, **settings: Any) -> Tab:
        """A new tab that has loaded `url`; settings as for `Tab.set`."""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        tab = self._tabs[session] = Tab(self, target, session)
        tab.start(url, **settings)
        return tab

    def forget(self, session: str, target: str) -> None:
        """Closes a tab."""
        del self._tabs[session]
        self.call("Target.closeTarget", targetId=target)


class Tab:
    """One page, its errors and what it asked the network for.

    errors : uncaught exceptions and messages of console.error, and failed requests, as text
    requests : addresses that it loaded, without data: and blob:
    """

    def __init__(self, browser: Browser, target: str, session: str) -> None:
        self._browser, self._target, self._session = browser, target, session
        self.errors: list[str] = []
        self.requests: list[str] = []
        self._loaded = False

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """The result of one DevTools command to this tab."""
        return self._browser.call(method, self._session, **params)

    def hear(self, event: str, params: dict[str, Any]) -> None:
        """Takes note of an event."""
        match event:
            case "Page.loadEventFired":
                self._loaded = True
            case "Runtime.exceptionThrown":
                details = params["exceptionDetails"]
                self.errors.append(details.get("exception", {}).get("description", details["text"]))
            case "Runtime.consoleAPICalled" if params["type"] in ("error", "assert"):
                self.errors.append(" ".join(str(a.get("value", a.get("description"))) for a in params["args"]))
            case "Log.entryAdded" if params["entry"]["level"] == "error":
                self.errors.append(f"{params['entry']['text']} {params['entry'].get('url', '')}")
            case "Network.requestWillBeSent" if not params["request"]["url"].startswith(("data:", "blob:")):
                self.requests.append(params["request"]["url"])

    def start(self, url: str, **settings: Any) -> None:
        """Loads the address under these settings, which hold before its first line runs."""
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")
        self.set(**settings)
        self.load(url)

    def load(self, url: str) -> None:
        """Goes to an address and waits until it is loaded."""
        self._loaded = False
        self.call("Page.navigate", url=url)
        _until(lambda: self._loaded or self.evaluate("document.readyState") == "complete", f"{url} did not load")

    def set(
        self,
        *,
        width: int = 1280,
        height: int = 800,
        scheme: str = "light",
        touch: bool = False,
        reduced_motion: bool = False,
    ) -> None:
        """Size in CSS pixels, colour scheme "light" or "dark", whether a finger is there and motion is unwanted."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=touch)
        self.call("Emulation.setScrollbarsHidden", hidden=True)
        self.call("Emulation.setTouchEmulationEnabled", enabled=touch, maxTouchPoints=5)
        wanted = {"prefers-color-scheme": scheme, "prefers-reduced-motion": "reduce" if reduced_motion else ""}
        self.call("Emulation.setEmulatedMedia", features=[{"name": k, "value": v} for k, v in wanted.items()])

    def evaluate(self, expression: str) -> Any:
        """The value of an expression, as JSON gives it; a promise is waited for."""
        done = self.call(
            "Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True, userGesture=True
        )
        if "exceptionDetails" in done:
            details = done["exceptionDetails"]
            raise JavaScriptError(details.get("exception", {}).get("description", details["text"]))
        return done["result"].get("value")

    def wait_for(self, condition: str, seconds: float = PATIENCE) -> Any:
        """Waits until a JavaScript condition is true, and returns its value."""
        return _until(lambda: self.evaluate(condition), f"never true: {condition}", seconds)

    def box(self, selector: str) -> tuple[float, float, float, float]:
        """x, y, width and height of the first element that matches, scrolled into view."""
        found = self.evaluate(
            f"(() => {{ const e = document.querySelector({json.dumps(selector)}); if (!e) return null;"
            " e.scrollIntoView({block: 'center', behavior: 'instant'});"
            " const r = e.getBoundingClientRect(); return [r.x, r.y, r.width, r.height]; })()"
        )
        if found is None:
            raise LookupError(f"nothing matches {selector}")
        return found[0], found[1], found[2], found[3]

    def center(self, selector: str) -> tuple[float, float]:
        """The middle of an element, scrolled into view."""
        x, y, width, height = self.box(selector)
        return x + width / 2, y + height / 2

    def click(self, where: str | tuple[float, float]) -> None:
        """A click on an element or at a point."""
        self.drag([self.center(where) if isinstance(where, str) else where])

    def drag(self, points: Sequence[tuple[float, float]]) -> None:
        """The left mouse button pressed at the first point, moved along the others, released at the last."""
        self._mouse("mouseMoved", points[0], "none", 0)
        self._mouse("mousePressed", points[0], "left", 1)
        for point in points[1:]:
            self._mouse("mouseMoved", point, "left", 1)
        self._mouse("mouseReleased", points[-1], "left", 0)

    def hover(self, point: tuple[float, float]) -> None:
        """The mouse over a point."""
        self._mouse("mouseMoved", point, "none", 0)

    def _mouse(self, kind: str, point: tuple[float, float], button: str, buttons: int) -> None:
        x, y = point
        self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button=button, buttons=buttons, clickCount=1)

    def swipe(self, points: Sequence[tuple[float, float]]) -> None:
        """A finger set down at the first point, moved along the others, lifted at the last; a tap if there is one."""
        for number, (x, y) in enumerate(points):
            kind = "touchMove" if number else "touchStart"
            self.call("Input.dispatchTouchEvent", type=kind, touchPoints=[{"x": x, "y": y}])
        self.call("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])

    def press(self, *keys: str, shift: bool = False) -> None:
        """Keys one after the other: names as in KEYS, or single characters."""
        for key in keys:
            code, number, text = KEYS[key] if key in KEYS else (f"Key{key.upper()}", ord(key.upper()), key)
            event = {"key": key, "code": code, "windowsVirtualKeyCode": number, "modifiers": _SHIFT * shift}
            self.call("Input.dispatchKeyEvent", type="keyDown" if text else "rawKeyDown", text=text, **event)
            self.call("Input.dispatchKeyEvent", type="keyUp", **event)

    def screenshot(self, path: Path | None = None, *, whole: bool = False) -> bytes:
        """A PNG of what is visible, or of the whole page."""
        data = base64.b64decode(self.call("Page.captureScreenshot", captureBeyondViewport=whole)["data"])
        if path is not None:
            path.write_bytes(data)
        return data

    def close(self) -> None:
        """Closes the tab."""
        self._browser.forget(self._session, self._target)


def _until(condition: Callable[[], Any], otherwise: str, seconds: float = PATIENCE) -> Any:
    end = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > end:
            raise TimeoutError(f"{otherwise} ({seconds:g} s)")
        time.sleep(0.02)
    return value


def straight(start: tuple[float, float], end: tuple[float, float], steps: int = 10) -> Iterator[tuple[float, float]]:
    """Points of a straight drag, both ends included."""
    for step in range(steps + 1):
        share = step / steps
        yield start[0] + share * (end[0] - start[0]), start[1] + share * (end[1] - start[1])
