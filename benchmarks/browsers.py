"""Browsers of the system without a window: Chromium by playwright, Firefox by WebDriver BiDi, which it speaks itself.

(playwright drives a Firefox of its own make only, and geckodriver comes with neither.)
"""

import contextlib
import itertools
import json
import re
import shutil
import subprocess
import tempfile
import time

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FIREFOX = next(filter(None, map(shutil.which, ("firefox-esr", "firefox"))), None)
PATIENCE = 300  # seconds until what is awaited counts as failed: a busy machine is slow
ALLOWED = ("data:", "blob:")  # requests that do not leave the page


class Browser:
    """A browser with one page.     troubles: what went wrong in it so far: errors, words on its console, requests."""

    def __init__(self):
        self.troubles, self.address = [], None

    def evaluate(self, script):
        """Returns the value of an expression in JavaScript, awaited where it is a promise."""
        raise NotImplementedError

    def wait(self, script, seconds=PATIENCE):
        """Returns the value of an expression as soon as it is true; raises TimeoutError."""
        end = time.monotonic() + seconds
        while not (value := self.evaluate(script)):
            if time.monotonic() > end:
                raise TimeoutError(f"{script} is not yet so after {seconds} s; {self.troubles}")
            time.sleep(0.05)
        return value

    def asked(self, address):
        if address != self.address and not address.startswith(ALLOWED):
            self.troubles.append(f"asked for {address[:100]}")


class Chromium(Browser):
    """page: that of playwright's synchronous interface."""

    def __init__(self, launched, **options):
        super().__init__()
        self.context = launched.new_context(**options)
        self.page = self.context.new_page()
        self.page.set_default_timeout(1000 * PATIENCE)
        self.page.on("console", lambda message: self.troubles.append(message.text))
        self.page.on("pageerror", lambda error: self.troubles.append(str(error)))
        self.page.on("requestfailed", lambda request: self.troubles.append(f"failed: {request.url[:100]}"))
        self.page.on("request", lambda request: self.asked(request.url))

    def open(self, address):
        self.address = address
        self.page.goto(address)

    def evaluate(self, script):
        return self.page.evaluate(script)


@contextlib.contextmanager
def chromium(**options):
    """A `Chromium` in this context; options: as of playwright's new_context."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])  # root has no sandbox
        yield Chromium(launched, **options)
        launched.close()


class Firefox(Browser):
    """socket: a WebSocket to Firefox's WebDriver BiDi (https://w3c.github.io/webdriver-bidi/)."""

    def __init__(self, socket):
        super().__init__()
        self._socket, self._numbers = socket, itertools.count(1)
        self._do("session.new", capabilities={})
        self._do("session.subscribe", events=["log.entryAdded", "network.beforeRequestSent"])
        self._context = self._do("browsingContext.getTree")["contexts"][0]["context"]

    def open(self, address):
        self.address = address
        self._do("browsingContext.navigate", context=self._context, url=address, wait="complete")

    def evaluate(self, script):
        asked = {"expression": f"(async () => JSON.stringify(await ({script})))()", "awaitPromise": True}
        found = self._do("script.evaluate", target={"context": self._context}, **asked)
        if found["type"] == "exception":
            raise RuntimeError(f"{script}: {found['exceptionDetails']['text']}")
        return json.loads(found["result"].get("value", "null"))

    def _do(self, method, **params):
        number = next(self._numbers)
        self._socket.send(json.dumps({"id": number, "method": method, "params": params}))
        while True:
            answer = json.loads(self._socket.recv())
            if answer.get("id") == number:
                if answer["type"] == "error":
                    raise RuntimeError(f"{method}: {answer['message']}")
                return answer["result"]
            self._happened(answer)

    def _happened(self, event):
        if event.get("method") == "log.entryAdded":
            self.troubles.append(event["params"]["text"])
        if event.get("method") == "network.beforeRequestSent":
            self.asked(event["params"]["request"]["url"])


@contextlib.contextmanager
def firefox():
    """A `Firefox` in this context, with a profile of its own."""
    from websocket import create_connection

    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        command = [FIREFOX, "--headless", "--no-remote", "--profile", profile, "--remote-debugging-port", "0"]
        options = {"stderr": subprocess.PIPE, "stdout": subprocess.DEVNULL, "text": True}
        with subprocess.Popen(command, **options) as process:  # which closes the pipe, too
            try:
                told = (re.search(r"BiDi listening on (ws://\S+)", line) for line in process.stderr)
                address = next(filter(None, told))[1]
                socket = create_connection(f"{address}/session", timeout=300, suppress_origin=True)
                yield Firefox(socket)
                socket.close()
            finally:
                process.terminate()
                process.wait(30)
