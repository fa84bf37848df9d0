"""Orders and pairs that depend on integers alone."""

import numpy as np
import pytest

from genzoo.data.pipeline import pairs_of
from genzoo.data.sets import load_data
from genzoo.errors import DataError

LABELS = np.array([2, 0, 0, 2, 1, 0, 0, 1, 3])  # a single 3


def test_pairs_agree_in_their_labels_and_take_these_in_turn():
    first, last = pairs_of(LABELS, 5, seed=1, same_label=True)
    assert LABELS[first].tolist() == LABELS[last].tolist() == [0, 1, 2, 0, 1]
    assert (first != last).all()
    assert len({first[0], last[0], first[3], last[3]}) == 4  # all four images of label 0


def test_pairs_of_any_labels_use_each_image_once():
    both = pairs_of(LABELS, 4, seed=1, same_label=False)
    assert both.shape == (2, 4) and len(set(both.ravel())) == 8
    assert (both != pairs_of(LABELS, 4, seed=2, same_label=False)).any()


def test_where_no_two_are_alike_there_are_no_pairs():
    with pytest.raises(DataError, match="no two test images have the same label"):
        pairs_of(np.arange(4), 1, seed=0, same_label=True)


def test_nothing_waits_for_a_thread_that_tunes():
    """A thread of tf.data sleeps for as long again as an iterator was used, and newer versions of TensorFlow wait for
    it where the iterator is let go: an epoch of minutes took nearly twice as long."""
    from genzoo.evaluation.metrics.classifier import _batches
    from genzoo.evaluation.metrics.judge import RECIPE

    data = load_data("digits", image_size=8)
    for dataset in (data.train_batches(8, seed=0, epoch=0).repeat().take(5), _batches(data, RECIPE, 3)):
        assert dataset.options().autotune.enabled is False
