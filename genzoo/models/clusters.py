"""Groups of like images: k means of the training images, for models that invent labels for themselves."""

import numpy as np

from genzoo.stack import tf

FITTED = 10_000  # images at most


def fit(images, k):
    """Returns the centres of k groups, float32 [k, H, W, C], and the share of the images in each, float32 [k].

    images: [n, H, W, C]. Where there are fewer than k, the other groups are empty: centres that no image is near.
    One thread does it, as in `mixture.fit`.
    """
    from sklearn.cluster import MiniBatchKMeans
    from threadpoolctl import threadpool_limits

    flat, found = images.reshape(len(images), -1), min(k, len(images))
    with threadpool_limits(1):
        means = MiniBatchKMeans(found, random_state=0, n_init=3, batch_size=2048).fit(flat)
    centres = np.full((k, flat.shape[1]), 1e3, np.float32)
    centres[:found] = means.cluster_centers_
    counts = np.bincount(means.predict(flat), minlength=k)
    return centres.reshape(k, *images.shape[1:]), (counts / counts.sum()).astype(np.float32)


def nearest(images, centres, seen=None):
    """Returns the number of the centre that each image is nearest to, int32 [n].

    images: [n, H, W, C].    centres: [k, H, W, C].    seen: [n, H, W, 1], 1 where pixels count and 0 where not.
    """
    pixels = images.shape[1] * images.shape[2] * images.shape[3]
    flat = tf.reshape(centres, [-1, pixels])
    images = tf.cast(images, tf.float32)
    weight = tf.ones_like(images) if seen is None else tf.broadcast_to(tf.cast(seen, tf.float32), tf.shape(images))
    seen_pixels = tf.reshape(weight * images, [-1, pixels])
    # ‖s (x - m)‖² but for ‖s x‖², which is the same for all centres
    distances = tf.matmul(tf.reshape(weight, [-1, pixels]), flat**2, transpose_b=True)
    distances -= 2 * tf.matmul(seen_pixels, flat, transpose_b=True)
    return tf.argmin(distances, axis=1, output_type=tf.int32)


def drawn(shares, uniform, constant=tf.constant):
    """Returns a group for each uniform number of [0, 1), int32 [n]: as often as it has a share, in a graph too.

    constant: what makes a tensor of numbers.
    """
    return tf.reduce_sum(tf.cast(uniform[:, None] >= constant(ends(shares)), tf.int32), axis=1)


def ends(shares):
    """Returns where in [0, 1) each group's share ends, and the next begins, float32 [k - 1].

    Without shares, of a model trained without `prepare_training`, the first has all: all images were nearest to it.
    """
    with tf.init_scope():  # a weight has a value outside of a graph only
        sums = np.cumsum(np.asarray(shares, np.float64))
    return (sums[:-1] / sums[-1] if sums[-1] else np.full(len(sums) - 1, 2.0)).astype(np.float32)
