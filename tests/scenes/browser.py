"""A headless Chromium, led through a pipe by its DevTools protocol: enough to look at a page."""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import subprocess
import time
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
PATIENCE = 60  # seconds for one answer
_KEY_CODES = {
    "Tab": 9, "Enter": 13, "Escape": 27, " ": 32, "End": 35, "Home": 36, "ArrowLeft": 37,
    "ArrowRight": 39,
}  # fmt: skip


def find_chromium():
    """Return the path of a Chromium, or None."""
    return next(filter(None, map(shutil.which, NAMES)), None)


class Browser:
    """One page of a headless Chromium; use it in a `with` statement.

    `said` collects what the page wrote to the console, errors and whatever the browser logged;
    `asked` collects the addresses that were requested.
    """

    def __init__(self, chromium, profile):
        read_commands, self._commands = os.pipe()
        self._answers, write_answers = os.pipe()
        # the browser reads its file descriptor 3 and writes to 4
        shell = f'exec 3<&{read_commands} 4>&{write_answers}; exec "$@"'
        command = [
            "bash", "-c", shell, "chromium", chromium, "--headless=new", "--no-sandbox",
            "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--hide-scrollbars",
            "--disable-background-networking", "--remote-debugging-pipe",
            f"--user-data-dir={profile}", "about:blank",
        ]  # fmt: skip
        self._process = subprocess.Popen(
            command, pass_fds=(read_commands, write_answers),
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        os.close(read_commands)
        os.close(write_answers)
        self._pending, self._number, self._session = b"", 0, None
        self.said, self.asked, self._events = [], [], []
        targets = self._call("Target.getTargets")["targetInfos"]
        page = next(target for target in targets if target["type"] == "page")
        attached = self._call("Target.attachToTarget", targetId=page["targetId"], flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self._call(f"{domain}.enable")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.terminate()
        self._process.wait(timeout=PATIENCE)
        os.close(self._commands)
        os.close(self._answers)

    def show(self, file: Path, width, height=800, *, scale=1, phone=False):
        """Open a file in a window of so many pixels."""
        self._call(
            "Emulation.setDeviceMetricsOverride",
            width=width, height=height, deviceScaleFactor=scale, mobile=phone,
        )  # fmt: skip
        self._events.clear()
        self._call("Page.navigate", url=file.resolve().as_uri())
        self._wait("Page.loadEventFired")

    def value(self, expression):
        """Return the value of a JavaScript expression on the page."""
        answer = self._call("Runtime.evaluate", expression=expression, returnByValue=True,
                            awaitPromise=True)  # fmt: skip
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def press(self, key, text=""):
        """Press a key, such as "ArrowRight" or "Tab", and let it go."""
        for kind in ("keyDown", "keyUp"):
            self._call("Input.dispatchKeyEvent", type=kind, key=key, text=text,
                       windowsVirtualKeyCode=_KEY_CODES.get(key, 0))  # fmt: skip

    def screenshot(self, file: Path, **clip):
        """Save the window, or the part of the page given by x, y, width and height."""
        part = {"clip": {**clip, "scale": 1}, "captureBeyondViewport": True} if clip else {}
        answer = self._call("Page.captureScreenshot", format="png", **part)
        file.write_bytes(base64.b64decode(answer["data"]))

    # -- the pipe ------------------------------------------------------------------------------

    def _call(self, method, **parameters):
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._commands, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._read()
            if answer.get("id") == self._number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return answer["result"]

    def _wait(self, event):
        while event not in self._events:
            self._read()

    def _read(self):
        until = time.monotonic() + PATIENCE
        while b"\0" not in self._pending:
            ready, _, _ = select.select([self._answers], [], [], until - time.monotonic())
            more = os.read(self._answers, 1 << 20) if ready else b""
            if not more:
                raise RuntimeError("the browser does not answer")
            self._pending += more
        text, _, self._pending = self._pending.partition(b"\0")
        message = json.loads(text)
        self._note(message.get("method"), message.get("params", {}))
        return message

    def _note(self, event, about):
        if event is None:
            return
        self._events.append(event)
        if event == "Runtime.consoleAPICalled":
            self.said.append(" ".join(str(one.get("value")) for one in about["args"]))
        elif event == "Runtime.exceptionThrown":
            self.said.append(str(about["exceptionDetails"]))
        elif event == "Log.entryAdded":
            self.said.append(about["entry"]["text"])
        elif event == "Network.requestWillBeSent":
            self.asked.append(about["request"]["url"])
