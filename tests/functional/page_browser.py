"""Headless Chromium over its debugging pipe: no driver, no port, no package."""

import fcntl
import json
import os
import select
import shlex
import shutil
import subprocess
import time

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

KEY_CODES = {"Tab": 9, "Enter": 13, "Escape": 27, "End": 35, "Home": 36, "ArrowLeft": 37, "ArrowRight": 39}

OPTIONS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--no-first-run",
    "--remote-debugging-pipe",
)


def find_browser():
    return next(filter(None, map(shutil.which, NAMES)), None)


class Browser:
    def __init__(self, program, profile):
        to_browser, self._to = os.pipe()
        self._from, from_browser = os.pipe()
        theirs = [fcntl.fcntl(fd, fcntl.F_DUPFD, 30) for fd in (to_browser, from_browser)]
        words = [program, *OPTIONS, f"--user-data-dir={profile}", "about:blank"]
        command = f"exec {shlex.join(words)} 3<&{theirs[0]} 4>&{theirs[1]}"
        quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self._process = subprocess.Popen(["bash", "-c", command], pass_fds=theirs, start_new_session=True, **quiet)
        for fd in (to_browser, from_browser, *theirs):
            os.close(fd)
        self._buffer, self._count, self.events = b"", 0, []

    def open(self, width=1280, height=900, dark=False):
        context = self.call("Target.createBrowserContext")["browserContextId"]
        target = self.call("Target.createTarget", url="about:blank", browserContextId=context)["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        return Tab(self, session, width, height, dark)

    def call(self, method, session=None, **parameters):
        self._count += 1
        message = {
            "id": self._count,
            "method": method,
            "params": parameters,
            **({"sessionId": session} if session else {}),
        }
        os.write(self._to, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._read()
            if answer.get("id") == self._count:
                assert "error" not in answer, answer["error"]
                return answer["result"]
            self.events.append(answer)

    def _read(self, timeout=30.0):
        deadline = time.monotonic() + timeout
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._from], [], [], max(0, deadline - time.monotonic()))
            assert ready, "the browser does not answer"
            chunk = os.read(self._from, 1 << 16)
            assert chunk, "the browser has ended"
            self._buffer += chunk
        message, _, self._buffer = self._buffer.partition(b"\0")
        return json.loads(message)

    def close(self):
        os.close(self._to)  # at the end of the pipe it ends
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, 9)
            self._process.wait()
        os.close(self._from)


class Tab:
    def __init__(self, browser, session, width, height, dark):
        self._browser, self._session = browser, session
        for domain in ("Page", "Runtime", "Network", "Log"):
            self._call(f"{domain}.enable")
        self.emulate(width, height, is_dark=dark)
        self._call("Emulation.setFocusEmulationEnabled", enabled=True)

    def emulate(self, width, height=900, *, is_dark=False):
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self._call("Emulation.setDeviceMetricsOverride", **size)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if is_dark else "light"}
        self._call("Emulation.setEmulatedMedia", features=[scheme])

    def press(self, key):
        """Press a key as a person does, so that the browser does what it does on its own."""
        event = {"key": key, "code": key, "windowsVirtualKeyCode": KEY_CODES.get(key, ord(key[0].upper()))}
        text = {"Enter": "\r"}.get(key, key if len(key) == 1 else "")
        self._call("Input.dispatchKeyEvent", type="keyDown", **event, **({"text": text} if text else {}))
        self._call("Input.dispatchKeyEvent", type="keyUp", **event)

    def _call(self, method, **parameters):
        return self._browser.call(method, self._session, **parameters)

    def go(self, url):
        self._call("Page.navigate", url=url)

    def run(self, script):
        """The value of an expression, or of what it promises."""
        answer = self._call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def _run_unless_loading(self, script):
        try:
            return self.run(script)
        except AssertionError as error:
            if "navigated or closed" in str(error) or "context" in str(error):  # another page is being loaded
                return None
            raise

    def until(self, script, timeout=30.0):
        """The value of the expression, as soon as it is true."""
        deadline = time.monotonic() + timeout
        tolerant = (
            f"(() => {{ try {{ const v = {script}; return v instanceof Node || v }} catch {{ return null }} }})()"
        )
        while not (value := self._run_unless_loading(tolerant)):
            assert time.monotonic() < deadline, f"{script} did not become true; the page says: {self.text()}"
            time.sleep(0.03)
        return value

    def text(self):
        return self.run("document.body ? document.body.innerText : ''")

    def shows(self, text):
        return self.until(f"document.body.innerText.includes({json.dumps(text)})")

    def click(self, text, within="button, a"):
        all_of_them = f"[...document.querySelectorAll({json.dumps(within)})]"
        found = f"{all_of_them}.find((one) => one.textContent.trim() === {json.dumps(text)})"
        self.until(f"{found} && ({found}.click(), true)")

    def problems(self):
        """Errors and exceptions of the page, without answers that are errors."""
        mine = [event for event in self._browser.events if event.get("sessionId") == self._session]
        logged = [event["params"]["entry"] for event in mine if event["method"] == "Log.entryAdded"]
        thrown = [event["params"] for event in mine if event["method"] == "Runtime.exceptionThrown"]
        return [entry for entry in logged if entry["level"] == "error" and entry["source"] != "network"] + thrown

    def addresses(self):
        events = self._browser.events
        return [
            event["params"]["request"]["url"]
            for event in events
            if event.get("sessionId") == self._session and event["method"] == "Network.requestWillBeSent"
        ]
