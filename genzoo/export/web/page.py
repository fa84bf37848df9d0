"""The page itself: one HTML file that holds all it needs, and may ask for nothing."""

import base64
import hashlib
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from genzoo.models import families

HERE = Path(__file__).parent
ENGINE = ("random.js", "ops.js", "engine.js", "sampling.js", "pack.js", "worker.js")  # beside the page's own thread
PAGE = ("pictures.js", "strokes.js", "panels.js", "page.js")


def render(runs, packed):
    """Returns the page of runs as HTML.     packed: their bytes, as of `pack`.

    Its Content-Security-Policy names the one script and the one style by their hashes and forbids every request.
    """
    environment = Environment(
        loader=PackageLoader("genzoo.export", "web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    script, style = _joined(PAGE), _joined(("page.css",))
    return environment.get_template("page.html").render(
        runs=[(run, families.family(run.config["model"])) for run in runs],
        script=script,
        style=style,
        script_hash=_hash(script),
        style_hash=_hash(style),
        engine=_joined(ENGINE),
        wasm=base64.b64encode((HERE / "engine.wasm").read_bytes()).decode(),
        packed=base64.b64encode(packed).decode(),
    )


def _joined(names):
    return "\n" + "".join((HERE / name).read_text(encoding="utf-8") for name in names)


def _hash(text):
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
