"""The page of a comparison in a real browser: Chromium, where the system has one."""

import re
import shutil

import pytest
from test_page import sample

from genzoo.pictures.page import save_report

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = [
    pytest.mark.slow,
    pytest.mark.once,
    pytest.mark.skipif(not BROWSER, reason="no Chromium on PATH to open the report in: apt-get install chromium"),
]


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    path = tmp_path_factory.mktemp("report") / "report.html"
    save_report(path, sample(words="words that are long enough to wrap"))
    return path.as_uri()


@pytest.fixture(scope="module")
def browser():
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as started:
        launched = started.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])  # root has no sandbox
        yield launched
        launched.close()


@pytest.fixture
def open_page(browser, address):
    """Opens the page; afterwards, nothing may have gone wrong in it and nothing been fetched."""
    troubles, contexts = [], []

    def asked(request):
        if request.url != address and not request.url.startswith("data:"):
            troubles.append(f"asked for {request.url}")

    def opened(width=1280, **options):
        contexts.append(browser.new_context(viewport={"width": width, "height": 800}, **options))
        page = contexts[-1].new_page()
        page.on("console", lambda message: troubles.append(message.text))
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on("requestfailed", lambda request: troubles.append(f"failed: {request.url[:80]}"))
        page.on("request", asked)
        page.goto(address)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert not troubles


def visible(page):
    """The alt texts of the frames that are to be seen."""
    return [image.get_attribute("alt") for image in page.locator("#frames img").all() if image.is_visible()]


def test_every_picture_is_drawn(open_page):
    page = open_page()
    assert page.evaluate("[...document.images].every(image => image.complete && image.naturalWidth > 0)")


def test_the_slider_changes_the_picture(open_page):
    page = open_page()
    slider = page.get_by_role("slider", name="Step")
    assert page.locator("#label").inner_text().startswith("step 4 of 4")
    slider.focus()
    for key, step in (("ArrowLeft", 3), ("Home", 1), ("ArrowRight", 2), ("End", 4)):
        page.keyboard.press(key)
        [alt] = visible(page)
        label = page.locator("#label").inner_text()
        assert label.startswith(f"step {step} of 4") and alt.endswith(label)
        assert slider.get_attribute("aria-valuetext") == label
    box = slider.bounding_box()
    page.mouse.click(box["x"] + 3, box["y"] + box["height"] / 2)
    assert "step 1 of 4" in visible(page)[0]


def test_play_runs_to_the_end_and_stops(open_page):
    page = open_page()
    # Clicked and read in one go, since a frame lasts no longer than a busy machine takes to answer.
    at_once = "button => { button.click(); return [document.getElementById('label').value, button.textContent]; }"
    label, word = page.get_by_role("button").evaluate(at_once)
    assert "step 1 of 4" in label and word == "Stop"
    page.get_by_role("button", name="Play").wait_for(timeout=10_000)
    assert "step 4 of 4" in visible(page)[0]


def test_without_javascript_the_last_frame_shows(open_page):
    page = open_page(java_script_enabled=False)
    [alt] = visible(page)
    assert "step 4 of 4" in alt
    assert not page.locator("#step").is_visible() and not page.locator("#play").is_visible()


@pytest.mark.parametrize("width", [320, 360, 768, 1280])
def test_nothing_hangs_over_the_edge(open_page, width):
    page = open_page(width)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    inside = page.evaluate("[...document.querySelectorAll('.scroll')].map(box => box.scrollWidth > box.clientWidth)")
    assert len(inside) == 2 and (all(inside) or width > 360)  # the tables scroll by themselves
    if width == 360:
        page.locator(".scroll").first.focus()
        page.keyboard.press("ArrowRight")
        page.wait_for_timeout(500)  # it scrolls smoothly
        assert page.locator(".scroll").first.evaluate("box => box.scrollLeft") > 0


def test_paper(open_page):
    page = open_page(718, color_scheme="dark")  # the pixels between the margins of A4
    assert page.pdf(prefer_css_page_size=True).startswith(b"%PDF-")
    page.emulate_media(media="print")
    assert page.evaluate("[...document.querySelectorAll('table')].every(table => table.offsetWidth <= innerWidth)")
    assert luminance(colours(page, "body")[1]) == 1  # a dark screen or not


def colours(page, selector):
    """The colour of an element's text and that of the page, as (red, green, blue) from 0 to 255."""
    script = "([s, p]) => getComputedStyle(document.querySelector(s))[p]"
    found = page.evaluate(script, [selector, "color"]), page.evaluate(script, ["body", "backgroundColor"])
    return [[int(number) for number in re.findall(r"\d+", colour)] for colour in found]


def luminance(colour):
    """Relative luminance of sRGB, as WCAG 2 defines it."""
    linear = [c / 3294.6 if c <= 10 else ((c / 255 + 0.055) / 1.055) ** 2.4 for c in colour]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("selector", ["body", "caption", ".best", ".none", ".floor th", "a", "dd"])
def test_words_stand_out_in_both_schemes(open_page, scheme, selector):
    ink, paper = (luminance(colour) for colour in colours(open_page(color_scheme=scheme), selector))
    assert (ink > paper) == (scheme == "dark")
    assert (max(ink, paper) + 0.05) / (min(ink, paper) + 0.05) >= 4.5  # what WCAG 2 asks for (AA)
