"""`tf.data` pipelines of image sets, and orders that depend on integers alone."""

import numpy as np

from genzoo.data.pixels import pad, padded, scale
from genzoo.data.rows import Rows
from genzoo.errors import DataError

AHEAD = 2  # batches that are made while a step is taken: they take a small part of its time


def chosen(count: int, most: int) -> np.ndarray:
    """At most `most` indices of range(count), rising: all of them, or the same random ones each time."""
    return np.sort(permutation(count, 0)[:most])


def permutation(count: int, *key: int) -> np.ndarray:
    """A permutation of range(count), int64, that depends on the key's integers (>= 0) alone.

    It sorts the raw output of a counter-based generator, which NumPy promises to keep the same in all its
    versions, unlike `Generator.permutation`.
    """
    return np.argsort(np.random.Philox(np.random.SeedSequence(key)).random_raw(count), kind="stable")


def pairs_of(labels: np.ndarray, n: int, seed: int, same_label: bool):
    """Indices of n pairs of images, two arrays [n], in an order that depends on the seed alone.

    labels: of the images to choose from.    same_label: whether the two of a pair agree in theirs; pairs then take the
    labels in turn. Pairs repeat where there are no more. Raises DataError where no two images have the same label.
    """
    order = permutation(len(labels), seed)
    if not same_label:
        return np.resize(order, (2, n))
    groups = [group for label in np.unique(labels) if len(group := order[labels[order] == label]) > 1]
    if not groups:
        raise DataError("no two test images have the same label, so there is nothing to interpolate between")
    pairs = []
    for i in range(n):
        group, at = groups[i % len(groups)], 2 * (i // len(groups))
        pairs.append((group[at % len(group)], group[(at + 1) % len(group)]))
    return np.array(pairs).T


def tensors(images, labels: np.ndarray):
    """A split, padded, as tensors in the main memory; pipelines capture them, so they are held once. `Rows` stay."""
    from genzoo.stack import tf

    with tf.device("CPU"):
        return images if isinstance(images, Rows) else tf.constant(pad(images)), tf.constant(labels)


def batches(indices: np.ndarray, tensors, batch_size: int | None = None):
    """Batches of the images at `indices`, a `tf.data.Dataset` of {"image": float32 [B, H, W, C], "label": int32 [B]}.

    indices: rows of them [S, B], or a flat list to be cut into batches.   tensors: what `tensors` gives.
    """
    from genzoo.stack import tf

    images, labels = tensors

    def gather(index):
        if isinstance(images, Rows):
            pixels = tf.numpy_function(lambda rows: pad(images[rows]), [index], tf.uint8)
            pixels.set_shape([*index.shape, *padded(images.shape[1:])])
        else:
            pixels = tf.gather(images, index)
        return {"image": scale(tf.cast(pixels, tf.float32)), "label": tf.gather(labels, index)}

    dataset = tf.data.Dataset.from_tensor_slices(indices)
    if batch_size is not None:
        dataset = dataset.batch(batch_size)
    return untuned(dataset.map(gather, num_parallel_calls=AHEAD, deterministic=True).prefetch(AHEAD))


def untuned(dataset):
    """Returns the `tf.data.Dataset` without tf.data's tuning of itself.

    The thread that tunes sleeps longer and longer, up to a minute, and newer versions of TensorFlow do not wake it when
    an iterator is let go: at the end of an epoch training would wait for it, for as long again as the epoch took.
    """
    from genzoo.stack import tf

    options = tf.data.Options()
    options.autotune.enabled = False
    return dataset.with_options(options)
