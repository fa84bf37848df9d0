"""The documentation in a real browser: on a phone, in the dark, and without a network."""

import shutil

import pytest

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = [
    pytest.mark.slow,
    pytest.mark.once,
    pytest.mark.skipif(not BROWSER, reason="no Chromium on PATH to open the pages in: apt-get install chromium"),
]
PAGES = ("index", "tutorial/README", "howto/sampler", "explanation/samplers", "performance", "reference/models",
         "reference/commands")  # fmt: skip

# Of all texts that are to be seen, those whose contrast to what lies behind them is below 4.5 (WCAG 2, AA). Large text,
# from 24 pixels on, may have 3; what is greyed out on purpose has no text of its own here.
FAINT = """() => {
  const canvas = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true });
  const parsed = (colour) => {
    canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data; return [r, g, b, a / 255];
  };
  const over = ([r, g, b, a], [R, G, B]) => [r * a + R * (1 - a), g * a + G * (1 - a), b * a + B * (1 - a)];
  const luminance = (colour) => {
    const [r, g, b] = colour.map(c => c / 255).map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    if (!element) return [255, 255, 255];
    const own = parsed(getComputedStyle(element).backgroundColor);
    return own[3] === 1 ? own.slice(0, 3) : over(own, behind(element.parentElement));
  };
  const faint = {};
  const texts = document.createTreeWalker(document.querySelector('article'), NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const element = texts.currentNode.parentElement, style = getComputedStyle(element);
    const seen = element.checkVisibility({ opacityProperty: true, visibilityProperty: true });
    if (!texts.currentNode.data.trim() || !seen) continue;
    if (!element.getClientRects().length || element.closest('.headerlink, .copybtn, script, style')) continue;
    const paper = behind(element), ink = over(parsed(style.color), paper);
    const [light, dark] = [luminance(ink), luminance(paper)].sort((a, b) => b - a);
    const ratio = (light + 0.05) / (dark + 0.05), least = parseFloat(style.fontSize) >= 24 ? 3 : 4.5;
    if (ratio < least) faint[texts.currentNode.data.trim().slice(0, 40)] = ratio.toFixed(2);
  }
  return faint;
}"""


@pytest.fixture(scope="module")
def browser():
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as started:
        launched = started.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])  # root has no sandbox
        yield launched
        launched.close()


@pytest.fixture
def open_page(browser, site):
    """Opens a page by its name; afterwards, nothing may have gone wrong in it and nothing been asked of the network."""
    troubles, contexts = [], []

    def opened(name, width=1280, **options):
        contexts.append(browser.new_context(viewport={"width": width, "height": 800}, **options))
        page = contexts[-1].new_page()
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on("requestfailed", lambda request: troubles.append(f"failed: {request.url[:80]}"))
        page.on("request", lambda r: r.url.startswith(("file:", "data:")) or troubles.append(f"asked for {r.url}"))
        page.goto((site / f"{name}.html").as_uri())
        return page

    yield opened
    for context in contexts:
        context.close()
    assert not troubles


@pytest.fixture(scope="module")
def names(site):
    """Pages of each kind, and of the notebooks the first, in both languages: all are drawn alike."""
    first = next(iter(sorted(path.name for path in (site / "tutorial").glob("0*.html"))))
    notebooks = [path.relative_to(site).with_suffix("") for path in sorted((site / "tutorial").rglob(first))]
    return [*PAGES, *map(str, notebooks)]


def test_nothing_hangs_over_the_edge_of_a_phone(open_page, names):
    for name in names:
        page = open_page(name, 360)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), name


def test_the_check_of_contrast_can_fail(open_page):
    page = open_page("index")
    page.evaluate("document.querySelector('article p').style.color = 'silver'")
    assert page.evaluate(FAINT)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_words_stand_out(open_page, names, scheme):
    for name in names:
        page = open_page(name, color_scheme=scheme)
        assert page.evaluate(FAINT) == {}, name


def test_pictures_and_formulas_are_drawn(open_page, names):
    for name in names:
        page = open_page(name)
        page.evaluate("document.querySelectorAll('img').forEach(image => image.loading = 'eager')")
        assert page.evaluate("[...document.images].every(image => image.complete && image.naturalWidth > 0)"), name
        assert page.evaluate("[...document.querySelectorAll('math')].every(math => math.getClientRects()[0].width > 2)")


def test_the_search_finds_without_a_network(open_page):
    page = open_page("search")
    page.goto(f"{page.url}?q=unipc")
    page.wait_for_selector("ul.search li", timeout=60_000)
