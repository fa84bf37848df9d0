"""How close reconstructions come to their originals."""

import numpy as np

from genzoo.stack import tf

LEAST_SIDE = 11  # pixels: the window of SSIM


def reconstruction_errors(originals, reconstructions):
    """{"mse", "psnr", "ssim"}: one value for each of uint8 images [n, h, w, c], [n] each, pixels from 0 to 1.

    psnr: 10 log₁₀(1 / mse), in dB.   ssim: in a Gaussian window of 11 pixels, σ 1.5 (Wang et al. 2004); left out where
    the images are smaller than that.
    """
    a, b = (images.astype(np.float32) / 255 for images in (originals, reconstructions))
    mse = np.square(a - b).mean(axis=(1, 2, 3))
    with np.errstate(divide="ignore"):
        errors = {"mse": mse, "psnr": -10 * np.log10(mse)}
    if min(a.shape[1:3]) >= LEAST_SIDE:
        errors["ssim"] = tf.image.ssim(a, b, max_val=1.0).numpy()
    return errors
