"""The figure of a run's losses."""

import numpy as np
from PIL import Image

from genzoo.plots import save_curves


def test_one_panel_a_loss(tmp_path):
    rows = [{"epoch": e, "step": 10 * e, "seconds": e, "images_per_second": 9, "loss": 2 / e, "kl": e,
             "val_loss": 3 / e, "val_kl": e + 1} for e in (1, 2, 3)]  # fmt: skip
    save_curves(tmp_path / "two.png", rows)
    save_curves(tmp_path / "one.png", [{k: v for k, v in row.items() if "kl" not in k} for row in rows])
    two, one = (np.asarray(Image.open(tmp_path / f"{name}.png").convert("L")) for name in ("two", "one"))
    assert two.shape[1] == 2 * one.shape[1] and two.shape[0] == one.shape[0]
    assert (one < 128).any()
