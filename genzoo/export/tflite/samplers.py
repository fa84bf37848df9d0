"""The way from noise to images in operations that TFLite has: the random numbers are inputs, the loop is our own.

`DDPM._loop` would need operations of TensorFlow's own. A loop here walks rows that all take one evaluation an image, or
all two: so what is in it has the same shapes at each turn.
"""

import numpy as np

from genzoo.diffusion import formulas
from genzoo.models.guidance import _deviation, cost
from genzoo.models.plans import clipped
from genzoo.stack import tf


def exact(numbers, tensor):
    """Returns float32 numbers as a tensor that weights in half precision leave as it is.

    The converter rounds every float constant to float16. So these are constants as integers, of the same bits, and
    something of a tensor that is known at run time alone, 0, keeps it from making floats of them beforehand.
    """
    nothing = tf.reduce_max(tf.cast(tf.zeros_like(tensor), tf.int32))
    return tf.bitcast(tf.constant(np.asarray(numbers, np.float32).view(np.int32)) + nothing, tf.float32)


def diffusion(model, x, labels, noises, rows):
    """The images that a `Rows` of `DDPM.plan` leads to from noise x [n, H, W, C].

    noises: [F, n, H, W, C], standard normal noise for each row that takes some, or None.
    """
    kept, C = rows.x0_weights.shape[1], x.shape[-1]
    # Predicted images, and noises, of earlier rows, newest first, beside each other as channels. As tensors they
    # would be handed on from one turn to the next in another place, which TFLite's loop does in the wrong order.
    old = [tf.tile(tf.zeros_like(x), [1, 1, 1, kept - 1])] * 2
    fresh = rows.fresh > 0
    drawn = np.minimum(np.cumsum(fresh) - fresh, max(fresh.sum() - 1, 0))  # a row without noise reads some, times 0
    times = rows.t.astype(np.float32) * np.float32(1000 / model.diffusion_steps)
    columns = [exact(column, x) for column in (*rows[2:], times)] + [tf.constant(drawn.astype(np.int32))]
    fields = (*rows._fields[2:], "time", "drawn")
    kind = rows.clip[0]

    def step(twice, i, x, old):
        at = {name: column[i] for name, column in zip(fields, columns, strict=True)}
        output = _guided(model, model.ema, x, at["time"], labels, at["guidance"], twice, at["rescale"])
        x_0 = _clip(formulas.x0_from(model.predict_kind, output, x, at["alpha"], at["sigma"]), kind)
        eps = formulas.eps_from_x0(x, x_0, at["alpha"], at["sigma"])
        x0s, epses = tf.concat([x_0, old[0]], axis=-1), tf.concat([eps, old[1]], axis=-1)
        mixed = sum(at["x0_weights"][j] * one for j, one in enumerate(tf.split(x0s, kept, axis=-1)))
        mixed += sum(at["eps_weights"][j] * one for j, one in enumerate(tf.split(epses, kept, axis=-1)))
        if noises is not None:
            mixed += at["fresh"] * tf.gather(noises, at["drawn"])
        return mixed, [x0s[..., :-C], epses[..., :-C]]

    return tf.clip_by_value(_walk(step, rows.guidance, x, old), -1.0, 1.0)


def blend(model, x, labels, amounts, shares, scales):
    """The images that the steps of `Blend._steps` lead to from noise x."""
    amounts, shares, columns = (exact(column, x) for column in (amounts, shares, scales))

    def predict(x, time, labels):
        return model.predict_x0(model.ema, x, time, labels)

    def step(twice, i, x, old):
        x_0 = _guided(model, predict, x, amounts[i], labels, columns[i], twice)
        return x + shares[i] * (x_0 - x), old

    return tf.clip_by_value(_walk(step, scales, x, []), -1.0, 1.0)


def _walk(step, scales, x, old):
    """Takes x and some old images through step(twice, i, x, old) of each row; twice: whether it is one of two
    evaluations."""
    twice = cost(scales) > 1
    ends = np.flatnonzero(np.diff(twice)) + 1
    for part in np.split(np.arange(len(scales)), ends):

        def body(i, x, *old, twice=bool(twice[part[0]])):
            x_next, old_next = step(twice, i, x, list(old))
            return i + 1, tf.ensure_shape(x_next, x.shape), *old_next

        end = int(part[-1]) + 1
        _, x, *old = tf.while_loop(lambda i, *_, end=end: i < end, body, (tf.constant(int(part[0])), x, *old))
    return x


def _guided(model, predict, x, time, labels, scale, twice, rescale=0.0):
    """As `Guided.guided`, for a row of which it is known whether it takes two evaluations."""
    n = tf.shape(x)[0]
    if not model.label_count:
        return predict(x, tf.fill([n], time), labels)
    nobody = tf.fill([n], model.label_count)
    if not twice:
        return predict(x, tf.fill([n], time), tf.where(scale == 0, nobody, labels))
    output = predict(tf.concat([x, x], 0), tf.fill([2 * n], time), tf.concat([labels, nobody], 0))
    good, weak = output[:n], output[n:]
    mix = formulas.guide(good, weak, scale)
    return mix * (rescale * _deviation(good) / _deviation(mix) + 1 - rescale)


def _clip(x_0, clip):
    if clip <= 0:
        return x_0 if clip < 0 else tf.clip_by_value(x_0, -1.0, 1.0)
    return clipped(x_0, clip)
