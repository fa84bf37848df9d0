"""The way from noise to images as ONNX nodes: each network evaluation after the other, with all numbers of its row."""

import numpy as np

from genzoo.diffusion import formulas
from genzoo.errors import UsageError
from genzoo.export.onnx.graph import INT32
from genzoo.export.onnx.layers import emit
from genzoo.models import clusters, mixture

MOST_NODES = 20_000  # onnxruntime takes a second or two to read so many


class Way:
    """What the samplers of all families need of a `Graph` g and a model: images here are [n, C, H, W]."""

    def __init__(self, g, model):
        self.g, self.model = g, model

    def mix(self, pairs):
        """Σ weight · value over (weight, value), without those whose weight is 0; None where all are."""
        total = None
        for weight, value in pairs:
            if weight != 0:
                part = self.g.op("Mul", value, float(weight))
                total = part if total is None else self.g.op("Add", total, part)
        return total

    def guided(self, predict, x, labels, scale, rescale=0.0):
        """As `Guided.guided`: predict is a function of images and labels."""
        g, count = self.g, self.model.label_count
        if len(g.nodes) > MOST_NODES:
            raise UsageError(f"so many steps cannot be written out, above {MOST_NODES:,} nodes: ask for fewer --steps")
        if not count:
            return predict(x, None)
        nobody = g.op("Add", g.op("Mul", labels, np.int32(0)), np.int32(count))
        if scale in (0, 1):
            return predict(x, labels if scale else nobody)
        output = predict(g.op("Concat", x, x, axis=0), g.op("Concat", labels, nobody, axis=0))
        good, weak = g.op("Split", output, outputs=2, axis=0)
        mix = g.op("Add", weak, g.op("Mul", g.op("Sub", good, weak), float(scale)))
        if rescale == 0:
            return mix
        ratio = g.op("Div", self._deviation(good), self._deviation(mix))
        return g.op("Mul", mix, g.op("Add", g.op("Mul", ratio, float(rescale)), float(1 - rescale)))

    def _deviation(self, x):
        g, over = self.g, {"axes": [1, 2, 3], "keepdims": 1}
        centred = g.op("Sub", x, g.op("ReduceMean", x, **over))
        return g.op("Add", g.op("Sqrt", g.op("ReduceMean", g.op("Mul", centred, centred), **over)), 1e-12)

    def clip(self, x):
        return self.g.op("Clip", x, -1.0, 1.0)

    def clipped(self, x_0, clip):
        """As `plans.clipped`."""
        if clip <= 0:
            return x_0 if clip < 0 else self.clip(x_0)
        g, size = self.g, int(np.prod(self.model.image_shape))
        values = g.op("Reshape", g.op("Abs", x_0), np.array([0, size]))
        ordered, _ = g.op("TopK", values, np.array([size]), outputs=2, axis=1, largest=0)
        s = g.op("Gather", ordered, np.array([round(float(clip) * (size - 1))]), axis=1)
        s = g.op("Unsqueeze", g.op("Max", s, 1.0), np.array([2, 3]))
        return g.op("Div", g.op("Max", g.op("Min", x_0, s), g.op("Neg", s)), s)


def diffusion(g, model, x, labels, noises, rows):
    """The images that a `Rows` of `DDPM.plan` leads to from noise x.

    noises: the name of [F, n, H, W, C], standard normal noise for each row that takes some, or None.
    """
    way, x0s, epses, drawn = Way(g, model), [], [], 0
    for i in range(len(rows.t)):
        row = rows.at(i)
        time = np.array([row.t * (1000 / model.diffusion_steps)], np.float32)
        output = way.guided(
            lambda x, labels, time=time: emit(g, model.ema, x, time, labels), x, labels, row.guidance, row.rescale
        )
        x_0 = way.clipped(_x0_from(g, model.predict_kind, output, x, row.alpha, row.sigma), row.clip)
        eps = g.op("Div", g.op("Sub", x, g.op("Mul", x_0, float(row.alpha))), float(row.sigma))
        x0s, epses = [x_0, *x0s], [eps, *epses]
        used = [*zip(row.x0_weights, x0s, strict=False), *zip(row.eps_weights, epses, strict=False)]
        if row.fresh > 0:
            noise = g.op("Gather", noises, np.array(drawn), axis=0)
            used.append((row.fresh, g.op("Transpose", noise, perm=[0, 3, 1, 2])))
            drawn += 1
        x = way.mix(used)
    return way.clip(x)


def _x0_from(g, predict, output, x, alpha, sigma):
    """As `formulas.x0_from`."""
    if predict == "x0":
        return output
    alpha, sigma = float(alpha), float(sigma)
    if predict == "v":
        return g.op("Sub", g.op("Mul", x, alpha), g.op("Mul", output, sigma))
    assert predict == "eps", formulas.PREDICTIONS
    return g.op("Div", g.op("Sub", x, g.op("Mul", output, sigma)), alpha)


def blend(g, model, x, labels, amounts, shares, scales):
    """The images that the steps of `Blend._steps` lead to from noise x."""
    way = Way(g, model)
    for amount, share, scale in zip(amounts, shares, scales, strict=True):
        time = np.array([1000 * amount], np.float32)

        def predict(x, labels, time=time):
            return g.op("Add", x, emit(g, model.ema, x, time, labels))

        x_0 = way.guided(predict, x, labels, scale)
        x = g.op("Add", x, g.op("Mul", g.op("Sub", x_0, x), float(share)))
    return way.clip(x)


def invented(g, model, uniform):
    """As `clusters.drawn`."""
    return _number(g, uniform, clusters.ends(model.cluster_shares)[None])


def _number(g, uniform, ends):
    """In how many of the ends [n or 1, K - 1] a uniform number [n] is not below, int32 [n]."""
    beyond = g.op("GreaterOrEqual", g.op("Unsqueeze", uniform, np.array([1])), ends)
    return g.op("ReduceSum", g.op("Cast", beyond, to=INT32), np.array([1]), keepdims=0)


def latents(g, model, noise, uniform, labels):
    """As `mixture.drawn`."""
    shares, means, factors = (np.asarray(weight) for weight in (model.shares, model.means, model.factors))
    K, d = means.shape[1:]
    ends = mixture.ends(shares)
    k = _number(g, uniform, g.op("Gather", ends, labels) if labels else ends)
    if labels:
        k = g.op("Add", k, g.op("Mul", labels, np.int32(K)))
    mean, factor = g.op("Gather", means.reshape(-1, d), k), g.op("Gather", factors.reshape(-1, d, d), k)
    spread = g.op("MatMul", factor, g.op("Unsqueeze", noise, np.array([2])))
    return g.op("Add", mean, g.op("Squeeze", spread, np.array([2])))
