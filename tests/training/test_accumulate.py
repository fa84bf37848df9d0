"""A step that takes its batch in parts is the step of the whole batch."""

import numpy as np
import pytest
from small import dataset, eagerly, families, few_latents, shared

from benchmarks.workers import difference
from genzoo.cli import main
from genzoo.runs.run import Run

WORDS = "--model cddpm --depth 1 --widths 8 --data digits --image-size 8 --batch-size 32 --sample-every 0 --steps 6"


@pytest.mark.parametrize("name", families())
def test_parts_of_a_batch_have_its_losses_and_gradients(name):
    model, batch = shared(name), next(iter(dataset(16)))
    with eagerly():
        whole, *others = (taken(model, batch, parts) for parts in (1, 2, 8))
    assert list(whole[0]) == list(model.loss_names)
    largest = max(np.abs(gradient).max() for gradient in whole[1])
    for terms, gradients in others:
        for loss in model.loss_names:
            assert float(terms[loss]) == pytest.approx(float(whole[0][loss]), rel=1e-6)
        for one, other in zip(whole[1], gradients, strict=True):
            np.testing.assert_allclose(other, one, atol=1e-6 * largest)


def taken(model, batch, parts):
    model.accumulate = parts
    try:
        return model.losses_and_gradients(batch["image"], batch["label"], np.int64(3))
    finally:
        model.accumulate = 1


@pytest.mark.slow
def test_a_run_in_parts_ends_where_the_other_does(tmp_path, capsys):
    with few_latents():
        for parts in (1, 4):
            words = [*WORDS.split(), "--accumulate", str(parts), "--out", str(tmp_path / str(parts))]
            assert main.main(["train", *words]) == 0
    assert Run.open(tmp_path / "4").config["train"]["accumulate"] == 4
    assert 0 < difference(tmp_path / "1", tmp_path / "4") < 1e-6


def test_parts_must_divide_the_batch(tmp_path, capsys):
    words = f"--model vae --data digits --batch-size 50 --accumulate 4 --out {tmp_path / 'run'}".split()
    assert main.main(["train", *words]) == 2
    error = capsys.readouterr().err
    assert "a batch of 50 images does not divide by 4 parts: expected a multiple of 4, such as --batch-size 48" in error
    assert not (tmp_path / "run").exists()
