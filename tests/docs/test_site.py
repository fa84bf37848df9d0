"""The documentation as it is built: whole, no link inside is dead, and nothing is fetched from elsewhere."""

import re
from html.parser import HTMLParser
from urllib.parse import unquote, urlsplit

import pytest

pytestmark = [
    pytest.mark.slow,
    pytest.mark.once,
]
LOADS = dict.fromkeys(("script", "img", "source", "iframe", "video", "audio"), "src") | {"object": "data"}


class Page(HTMLParser):
    """links: (target, as it stands); ids; loads: what a browser fetches to show the page; maths: how many formulas."""

    def __init__(self, path):
        super().__init__()
        self.links, self.ids, self.loads, self.maths = [], {"", "top"}, [], 0
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.ids |= {attrs[name] for name in ("id", "name") if attrs.get(name)}
        self.maths += tag == "math"
        if tag == "a" and attrs.get("href"):
            self.links.append(attrs["href"])
        if tag in LOADS and attrs.get(LOADS[tag]):
            self.loads.append(attrs[LOADS[tag]])
        if tag == "link" and not {"next", "prev", "index", "search", "canonical", "author"} & set(attrs["rel"].split()):
            self.loads.append(attrs["href"])


@pytest.fixture(scope="module")
def pages(site):
    return {path: Page(path) for path in site.rglob("*.html")}


def test_every_link_inside_leads_to_a_page_and_a_place_on_it(pages):
    dead = []
    for path, page in pages.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if not target.exists() or (target in pages and unquote(parts.fragment) not in pages[target].ids):
                dead.append((path.name, link))
    assert not dead


def test_no_page_loads_anything_from_elsewhere(site, pages):
    foreign = [(path.name, load) for path, page in pages.items() for load in page.loads if re.match(r"(\w+:)?//", load)]
    assert not foreign
    for style in site.rglob("*.css"):
        assert not re.findall(r"(?:url\(|@import)\s*['\"]?(?:\w+:)?//", style.read_text(encoding="utf-8")), style


def test_what_has_to_be_there_is_there(site, pages):
    from notebooks import build

    for source in build.sources():
        for folder in ("tutorial", "tutorial/zh-CN"):
            page = pages[site / folder / f"{source.stem}.html"]
            assert page.maths and any("_images" in load for load in page.loads), source
    assert pages[site / "explanation" / "samplers.html"].maths > 5
    reference = pages[site / "reference" / "models.html"].ids
    assert {"genzoo.models.families.build", "genzoo.models.ddpm.DDPM.walk", "genzoo.models.vae.VAE"} <= reference
    assert "genzoo-sample" in pages[site / "reference" / "commands.html"].ids


def test_no_formula_or_markup_is_left_as_it_was_typed(site):
    for path in site.rglob("*.html"):
        text = re.sub(r"<(pre|code|script|annotation|kbd)\b.*?</\1>", "", path.read_text(encoding="utf-8"), flags=re.S)
        text = re.sub(r"<[^>]*>", "", text)
        assert not re.findall(r"\$[^$\n]*\\[a-z]+[^$\n]*\$|:py:\w+:|\]\(", text), path
