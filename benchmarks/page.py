"""`python -m benchmarks.page [RUN …]`: the bytes of a page, how soon each browser has it ready, and how fast it draws.

Ready: from the navigation until all controls can be used.   Ten pictures: from the click until they are there.
"""

import argparse
import contextlib
import statistics
import tempfile
from pathlib import Path

import psutil

from benchmarks.browsers import CHROMIUM, FIREFOX, chromium, firefox
from genzoo.export.web.pack import pack
from genzoo.export.web.page import render
from genzoo.runs.run import Run

READY = "Number(document.documentElement.dataset.ready ?? 0)"
DONE = "document.querySelector('canvas.pictures').dataset.done"
NEXT = "[...document.querySelectorAll('button')].find(b => b.textContent === 'Next seed')"
# Clicks, and resolves with the milliseconds until the first card has its pictures.
DRAW = f"""new Promise(resolve => {{
  const before = {DONE}, began = performance.now();
  {NEXT}.click();
  const look = () => {DONE} === before ? setTimeout(look, 1) : resolve(performance.now() - began);
  look();
}})"""
EACH = "Number(document.querySelector('.status').textContent.match(/(\\d+) ms each/)[1])"
COUNT = "Number(document.querySelector('.status').textContent.match(/by (\\d+) evaluation/)[1])"


def processor_time():
    """Seconds of all processors that this process's children, the browser's among them, have taken so far."""
    total = 0.0
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            total += times.user + times.system
    return total


def measure(opened, address, rounds):
    """Returns {what: (milliseconds, and of all processors)}, the medians of some rounds, each of a new page.

    On a machine that does other work too, the second number says what the first would be without.
    """
    found = {what: [] for what in ("ready", "ten pictures", "an evaluation")}

    def timed(what, act):
        before = processor_time()
        found[what].append((act(), 1000 * (processor_time() - before)))

    with opened() as browser:
        for _ in range(rounds):
            timed("ready", lambda: (browser.open(address), browser.wait(READY))[1])
            browser.wait(DONE)
            for _ in range(3):
                timed("ten pictures", lambda: browser.evaluate(DRAW))
                evaluations = browser.evaluate(COUNT)
                found["an evaluation"].append((browser.evaluate(EACH), found["ten pictures"][-1][1] / evaluations))
        assert not browser.troubles, browser.troubles
    return {what: tuple(map(statistics.median, zip(*times, strict=True))) for what, times in found.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", nargs="*", default=["zoo:cddpm-mnist"])
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    runs = [Run.open(name) for name in args.runs]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "page.html"
        path.write_text(render(runs, pack(runs)), encoding="utf-8")
        print(f"{path.stat().st_size:,} bytes")
        for name, found, opened in (("Chromium", CHROMIUM, chromium), ("Firefox", FIREFOX, firefox)):
            if found:
                times = measure(opened, path.as_uri(), args.rounds)
                told = (f"{what} {wall:.0f} ms (processors {own:.0f})" for what, (wall, own) in times.items())
                print(f"{name}: {', '.join(told)}")


if __name__ == "__main__":
    main()
