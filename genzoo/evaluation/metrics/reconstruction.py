"""How close reconstructions come to their originals."""

import numpy as np

from genzoo.stack import tf

LEAST_SIDE = 11  # pixels: the window of SSIM
TAKES_NO_IMAGES = "takes no images in"  # why a family has no reconstructions


def reconstruction_errors(originals, reconstructions):
    """Returns {"mse", "psnr", "ssim"}, a value for each of uint8 images [n, h, w, c], [n] each. Pixels run from 0 to 1.

    psnr: 10 log₁₀(1 / mse), in dB. The mse in it is at least that of one number, of h·w·c, off by one level of 255: so
        a perfect image has a finite value, of 77 dB at 28x28x1, and so has a mean.
    ssim: in a Gaussian window of 11 pixels, σ 1.5 (Wang et al. 2004); left out where images are smaller than that.
    """
    a, b = (images.astype(np.float32) / 255 for images in (originals, reconstructions))
    mse = np.square(a - b).mean(axis=(1, 2, 3))
    least = (1 / 255) ** 2 / a[0].size
    errors = {"mse": mse, "psnr": -10 * np.log10(np.maximum(mse, least))}
    if min(a.shape[1:3]) >= LEAST_SIDE:
        errors["ssim"] = tf.image.ssim(a, b, max_val=1.0).numpy()
    return errors
