"""The real images that samples are held against, and everything that is measured against them."""

from functools import cached_property

import numpy as np

from genzoo.data.pipeline import permutation
from genzoo.data.rows import take
from genzoo.evaluation.metrics.distances import frechet_distance, kernel_distance
from genzoo.evaluation.metrics.intervals import wilson
from genzoo.evaluation.metrics.judge import judge_of
from genzoo.evaluation.metrics.neighbours import nearest_training, prdc

SURE = 0.9  # of a class: the probability above which a judge counts as sure
READ = 100_000  # training images that the judge reads, at most
NEIGHBOURHOOD = 10_000  # of them those that density and coverage are taken against, at most
LEAST = {"frechet": 256, "kid": 40, "prdc": 50}  # images; the Fréchet distance's is twice the judge's features


class Reference:
    """The real images of an ImageData, and the judge that reads them. All that is compared goes through `measure`.

    judge: None where the data has no labels.    test_order: a shuffled order of the test images.
    """

    def __init__(self, data, say=print):
        self.data = data
        self.judge = judge_of(data, say) if data.num_classes > 1 else None
        self.test_order = permutation(len(data.test_images), 0)
        self._floors = {}

    @cached_property
    def features(self):
        """The judge's features of at most READ training images, shuffled, [n, d]."""
        order = permutation(len(self.data.train_images), 0)[:READ]
        rising = np.sort(order)  # as they lie in a file
        return self.judge.read(take(self.data.train_images, rising)).features[np.searchsorted(rising, order)]

    def floor(self, n):
        """Returns the scores of the first n test images in their order, or of all where there are fewer."""
        chosen = self.test_order[:n]
        if len(chosen) not in self._floors:
            real = self.measure(self.data.test_images[chosen], self.data.test_labels[chosen])
            self._floors[len(chosen)] = real
        return self._floors[len(chosen)]

    def measure(self, images, labels):
        """Returns the scores of uint8 images [n, h, w, c] against the training images.

        labels: what each image was asked to be, int [n]; None where the family takes none.
        """
        scores = self._nearest(images)
        if self.judge is None:
            names = ("frechet", "kid", "precision", "recall", "density", "coverage", "sure", "classes", "accuracy")
            return scores | {name: missing(f"{self.data.name} has no labels to train a judge on") for name in names}
        read = self.judge.read(images)
        scores |= self._distances(read.features) | self._neighbourhood(read.features)
        scores |= {"sure": self._of_judge(read.sureness > SURE), "classes": self._classes(read.classes)}
        accuracy = missing("takes no labels") if labels is None else self._accuracy(read.classes, labels)
        return scores | {"accuracy": accuracy}

    def _nearest(self, images):
        distance, copied = nearest_training(images, self.data.train_images)
        return {
            "nearest": self._against(np.median(distance), images),
            "copies": self._against(copied.mean(), images, interval=_share(copied)["interval"]),
        }

    def _distances(self, features):
        scores = {}
        if short := _too_few("frechet", features):
            scores["frechet"] = short
        else:
            scores["frechet"] = self._against(frechet_distance(features, self.features), features, self.features)
        if short := _too_few("kid", features, self.features):
            return scores | {"kid": short}
        value, error = kernel_distance(features, self.features)
        return scores | {"kid": self._against(value, features, self.features, error=error)}

    def _neighbourhood(self, features):
        real = self.features[:NEIGHBOURHOOD]
        if short := _too_few("prdc", features, real):
            return dict.fromkeys(("precision", "recall", "density", "coverage"), short)
        return {name: self._against(value, features, real) for name, value in prdc(real, features).items()}

    def _accuracy(self, read, labels):
        hits = read == labels
        of_class = {name: hits[np.equal(labels, k)] for k, name in enumerate(self.data.class_names)}
        per_class = {name: _share(mine) for name, mine in of_class.items() if len(mine)}
        return self._of_judge(hits) | {"per_class": per_class}

    def _classes(self, read):
        """exp(H), H being the entropy of the classes read: as many classes, drawn equally often, have that entropy."""
        shares = np.bincount(read) / len(read)
        shares = shares[shares > 0]
        return {"value": float(np.exp(-(shares * np.log(shares)).sum())), "n": len(read), "reference": self._judge}

    def _of_judge(self, hits):
        return _share(hits) | {"reference": self._judge}

    @property
    def _judge(self):
        return f"a judge that reads {self.judge.accuracy:.2%} of the test images right"

    def _against(self, value, samples, real=None, **more):
        count = len(self.data.train_images if real is None else real)
        return {"value": float(value), "n": len(samples), "reference": f"{count:,} training images", **more}


def _share(hits):
    """The score of booleans: the share that is true."""
    return {"value": float(hits.mean()), "n": len(hits), "interval": wilson(int(hits.sum()), len(hits))}


def missing(reason):
    """The score of a metric that has no value here."""
    return {"reason": reason}


def _too_few(metric, *sets):
    n = min(map(len, sets))
    return missing(f"needs {LEAST[metric]} images, there are {n}") if n < LEAST[metric] else None
