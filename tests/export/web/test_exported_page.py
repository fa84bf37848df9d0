"""The page in real browsers: it draws what genzoo draws, says so, and asks nobody for anything."""

import contextlib

import numpy as np
import pytest

from benchmarks.browsers import CHROMIUM, FIREFOX, chromium, firefox
from genzoo.data.pixels import to_uint8
from genzoo.data.sets import load_data
from genzoo.evaluation.metrics.judge import judge_of
from genzoo.export.web.pack import pack
from genzoo.export.web.page import render
from genzoo.export.web.write import MOST
from genzoo.runs.load import load
from genzoo.runs.run import Run

pytestmark = [
    pytest.mark.slow,
    pytest.mark.once,
    pytest.mark.skipif(not CHROMIUM, reason="no Chromium on PATH to open the page in: apt-get install chromium"),
]
needs_firefox = pytest.mark.skipif(not FIREFOX, reason="no Firefox on PATH: apt-get install firefox-esr")
FAMILIES = ("ae", "vae", "cvae", "blend", "ddpm", "cddpm")
GAP = 2  # pixels between two pictures
STAGES = "figure .pictures"  # the canvases that the cards draw on


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """address(names of the zoo) → of their page."""
    folder = tmp_path_factory.mktemp("pages")

    def address(*names):
        path = folder / f"{'-'.join(names)}.html"
        if not path.exists():
            runs = [Run.open(f"zoo:{name}") for name in names]
            path.write_text(render(runs, pack(runs)), encoding="utf-8")
        return path.as_uri()

    return address


@contextlib.contextmanager
def opened(kind, address, **options):
    """A browser at a page that is ready and has drawn; afterwards nothing may have gone wrong in it."""
    with kind(**options) as browser:
        browser.open(address)
        browser.wait("document.documentElement.dataset.ready")
        browser.wait(f"[...document.querySelectorAll('{STAGES}')].every(canvas => canvas.dataset.done)")
        yield browser
        assert not browser.troubles


def pixels(browser, selector="#run-0 .pictures", tile=28, gap=GAP):
    """The pictures on a canvas, uint8 [n, tile, tile, 1]."""
    width, height, data = browser.evaluate(f"""(source => {{
      const copy = Object.assign(document.createElement('canvas'), {{width: source.width, height: source.height}});
      const context = copy.getContext('2d', {{willReadFrequently: true}});  // else the browser warns of a slow one
      context.drawImage(source, 0, 0);
      return [copy.width, copy.height, [...context.getImageData(0, 0, copy.width, copy.height).data]];
    }})(document.querySelector('{selector}'))""")
    image = np.array(data, np.uint8).reshape(height, width, 4)[..., :1]
    tiles = [
        image[top : top + tile, left : left + tile]
        for top in range(0, height, tile + gap)
        for left in range(0, width, tile + gap)
    ]
    return np.array(tiles)


def click(browser, text, root="#run-0"):
    browser.evaluate(f"[...document.querySelectorAll('{root} button')].find(b => b.textContent === '{text}').click()")


def choose(browser, **values):
    """Sets controls of the first card, by their labels."""
    for label, value in values.items():
        browser.evaluate(f"""(() => {{
          const labels = [...document.querySelectorAll('#run-0 label')];
          const control = document.getElementById(labels.find(l => l.textContent.startsWith('{label}')).htmlFor);
          control.value = '{value}';
          control.dispatchEvent(new Event('input'));
          control.dispatchEvent(new Event('change'));
        }})()""")


def close(found, images):
    """Whether pictures are those of floats, but for a grey level."""
    ours = to_uint8(images, found.shape[1:])
    return np.abs(found.astype(int) - ours).max() <= 1


@pytest.mark.parametrize("kind", [chromium, pytest.param(firefox, marks=needs_firefox)])
def test_a_hundred_digits_are_those_of_genzoo_and_read_as_asked(address, kind, quick_judge):
    quick_judge(200)
    name = "cddpm-digits"
    run, data = Run.open(f"zoo:{name}"), load_data("digits")
    tile = run.config["data"]["native_shape"][0]
    with opened(kind, address(name)) as browser:
        choose(browser, **{"How many": 100, "Seed": 3})
        click(browser, "Draw")
        browser.wait("document.querySelector('#run-0 .pictures').dataset.done === '3'")
        found = pixels(browser, tile=tile)
    labels = np.arange(100) % 10
    assert close(found, load(run.path).sample(labels=labels, seed=3))
    assert (judge_of(data).read(found).classes == labels).sum() >= 95


@pytest.mark.parametrize("kind", [chromium, pytest.param(firefox, marks=needs_firefox)])
def test_all_families_side_by_side_draw_from_one_seed(address, kind):
    names = [f"{family}-mnist" for family in FAMILIES]
    with opened(kind, address(*names)) as browser:
        assert browser.evaluate("document.documentElement.outerHTML.length") < MOST
        browser.evaluate("document.getElementById('seed-of-all').value = 5")
        browser.evaluate("document.getElementById('draw-all').click()")
        browser.wait(f"[...document.querySelectorAll('{STAGES}')].every(canvas => canvas.dataset.done === '5')")
        found = [pixels(browser, f"#run-{i} .pictures") for i in range(len(names))]
    for name, pictures in zip(names, found, strict=True):
        assert close(pictures, load(Run.open(f"zoo:{name}").path).sample(10, seed=5)), name


@pytest.mark.parametrize("kind", [chromium, pytest.param(firefox, marks=needs_firefox)])
def test_the_policy_stops_every_request(address, kind):
    with kind() as browser:
        browser.open(address("cddpm-mnist"))
        browser.wait("document.documentElement.dataset.ready")
        stopped = browser.evaluate("""new Promise(resolve => {
          document.addEventListener('securitypolicyviolation', event => resolve(event.effectiveDirective));
          fetch('https://example.invalid/').catch(() => 0);
        })""")
        assert stopped == "connect-src"


def test_the_way_from_noise_can_be_walked(address):
    with opened(chromium, address("cddpm-mnist")) as browser:
        slider, end = browser.page.get_by_label("From noise to pictures"), pixels(browser)
        assert slider.get_attribute("max") == "7"  # a frame a step, and the noise before
        slider.focus()
        browser.page.keyboard.press("Home")
        noise = pixels(browser)
        assert slider.get_attribute("aria-valuetext") == "pure noise" and noise.std() > 90
        browser.page.keyboard.press("ArrowRight")
        browser.page.get_by_label("show what the network expects").check()
        assert noise.std() > pixels(browser).std()  # already a guess at the pictures
        browser.page.keyboard.press("Tab")
        browser.page.get_by_role("button", name="Play").click()
        browser.wait("document.querySelector('.way input').value === '7'")
        assert np.abs(pixels(browser).astype(int) - end).max() <= 1


def test_it_answers_while_it_draws_and_a_new_wish_ends_the_old(address):
    with opened(chromium, address("cddpm-mnist")) as browser:
        choose(browser, **{"How many": 100, "Sampler": "ddpm"})
        choose(browser, Steps=250)
        click(browser, "Draw")
        frames = browser.evaluate("""new Promise(resolve => {
          let count = 0; const began = performance.now();
          const tick = () => performance.now() - began > 1000 ? resolve(count) : (count++, requestAnimationFrame(tick));
          tick();
        })""")
        assert frames > 5
        choose(browser, **{"How many": 10, "Sampler": "ddim", "Seed": 9})
        choose(browser, Steps=5)
        click(browser, "Draw")
        browser.wait("document.querySelector('#run-0 .pictures').dataset.done === '9'")
        browser.page.wait_for_timeout(1000)
        found = pixels(browser)
    assert close(found, load(Run.open("zoo:cddpm-mnist").path).sample(10, seed=9, sampler="ddim", steps=5))


def test_strokes_become_pictures_and_a_marked_part_is_made_anew(address):
    with opened(chromium, address("cddpm-mnist")) as browser:
        page = browser.page
        page.get_by_text("Draw strokes").click()
        pad = page.get_by_label("Pad to draw on")
        box = pad.bounding_box()
        page.mouse.move(box["x"] + 0.3 * box["width"], box["y"] + 0.2 * box["height"])
        page.mouse.down()
        for u, v in ((0.7, 0.2), (0.45, 0.85)):
            page.mouse.move(box["x"] + u * box["width"], box["y"] + v * box["height"], steps=10)
        page.mouse.up()
        drawn = pixels(browser, ".pad")[0]
        assert drawn.max() == 255 and 0.02 < (drawn > 100).mean() < 0.3
        page.get_by_label("Picture of").nth(1).select_option("7")
        page.get_by_role("button", name="Make a picture of it").click()
        page.get_by_label("5 pictures made of the strokes").wait_for()
        made = pixels(browser, "details .pictures")
        assert made.shape == (5, 28, 28, 1) and (np.abs(made.astype(int) - drawn).max(axis=(1, 2, 3)) > 50).all()
        page.get_by_role("button", name="Fill what is marked").click()
        page.get_by_text("Mark a part first").wait_for()
        page.get_by_label("mark what to make anew").check()
        pad.focus()
        for key in (" ", *["ArrowDown"] * 8, " "):  # by keys alone
            page.keyboard.press(key)
        page.get_by_role("button", name="Fill what is marked").click()
        page.get_by_text("5 proposals").wait_for()
        filled = pixels(browser, "details .pictures")
        changed = (np.abs(filled.astype(int) - drawn) > 1).any(axis=(0, 3))
        assert 0.02 < changed.mean() < 0.5  # the rest stays


def test_walks_and_the_plane(address):
    with opened(chromium, address("vae-mnist")) as browser:
        page, single = browser.page, "details .single"
        page.get_by_text("Walk between two").click()
        page.get_by_text("Drag the slider").wait_for()
        place = page.get_by_label("Where on the way")
        first = pixels(browser, single)
        model = load(Run.open("zoo:vae-mnist").path)
        assert close(first, model.sample(1, seed=0))
        place.focus()
        page.keyboard.press("End")
        assert close(pixels(browser, single), model.sample(1, seed=1))
        page.get_by_text("The plane of latents").click()
        page.get_by_text("lie at the corners").wait_for()
        plane, corners = page.get_by_label("Map of the plane"), model.sample(3, seed=0)
        map_of = pixels(browser, ".plane", gap=0)
        assert close(map_of[[0, 8, 72]], corners)
        plane.hover(position={"x": 2, "y": 2})
        browser.wait("document.querySelectorAll('.single')[1].getAttribute('aria-label').endsWith('0 and 0 percent')")
        assert close(pixels(browser, "details + details .single"), corners[:1])
        plane.focus()
        page.keyboard.press("ArrowRight")
        browser.wait("document.querySelectorAll('.single')[1].getAttribute('aria-label').endsWith('3 and 0 percent')")


@pytest.mark.parametrize("width", [320, 360, 1280])
def test_nothing_hangs_over_the_edge(address, width):
    with opened(chromium, address("cddpm-mnist", "vae-mnist"), viewport={"width": width, "height": 800}) as browser:
        for summary in browser.page.locator("summary").all():
            summary.click()
        assert browser.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_every_control_has_a_name_and_the_status_is_live(address):
    with opened(chromium, address("cddpm-mnist", "vae-mnist")) as browser:
        for summary in browser.page.locator("summary").all():
            summary.click()
        for role in ("slider", "combobox", "spinbutton", "button", "checkbox", "radio", "img", "application"):
            for found in browser.page.get_by_role(role).all():
                assert found.evaluate("e => (e.labels?.[0] ?? e).textContent || e.getAttribute('aria-label')"), role
        assert browser.page.locator("[role=status]").count() == 6  # one a card, and one of each way to play
