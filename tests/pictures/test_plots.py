"""The figure of a run's losses."""

import io

import numpy as np
from PIL import Image

from genzoo.pictures.plots import loss_curves


def test_one_panel_a_loss():
    rows = [{"epoch": e, "step": 10 * e, "seconds": e, "images_per_second": 9, "loss": 2 / e, "kl": e,
             "val_loss": 3 / e, "val_kl": e + 1} for e in (1, 2, 3)]  # fmt: skip
    fewer = [{k: v for k, v in row.items() if "kl" not in k} for row in rows]
    two, one = (np.asarray(Image.open(io.BytesIO(loss_curves(r))).convert("L")) for r in (rows, fewer))
    assert two.shape[1] == 2 * one.shape[1] and two.shape[0] == one.shape[0]
    assert (one < 128).any()
