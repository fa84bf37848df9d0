"""The page's engine against the models it stands for: its networks, its random numbers, its ways of sampling."""

import numpy as np
import pytest
from node import Given, asked, needs_node, text
from small import AUTOENCODERS, CLASSES, eagerly, images, small

from genzoo import rng
from genzoo.diffusion.catalogue import SAMPLERS
from genzoo.models.editing import slerp
from genzoo.models.families import MODELS

pytestmark = needs_node
GREY = 2 / 255  # a grey level
DENOISERS = [name for name in MODELS if name not in AUTOENCODERS]


@pytest.fixture(scope="module")
def given():
    """given(family) → a model and its run; made once."""
    made = {}

    def given(family):
        if family not in made:
            model = small(family, **{"clusters": 3} if family in ("ddpm", "blend") else {})
            made[family] = model, Given(model)
        return made[family]

    with eagerly():  # no graph is traced: each runs once
        yield given


def test_random_numbers_are_those_of_genzoo(given):
    keys = [(0, 0, rng.START), (1, 3, rng.NOISE), (2**31 - 1, 1001, rng.DROP), (2**45 + 7, 2, rng.LATENT)]
    tasks = [
        {"kind": kind, "count": count, "seed": seed, "step": step, "stream": stream}
        for seed, step, stream in keys
        for kind, count in (("normal", 1027), ("uniform", 5))
    ]
    found = asked(given("ae")[1], *tasks)
    for task, numbers in zip(tasks, found, strict=True):
        ours = getattr(rng, task["kind"])([task["count"]], task["seed"], task["step"], task["stream"]).numpy()
        np.testing.assert_allclose(numbers, ours, rtol=0, atol=2e-6 if task["kind"] == "normal" else 0)


def assert_close(found, ours, most=GREY / 10):
    np.testing.assert_allclose(found.reshape(ours.shape), ours, rtol=0, atol=most)


SHAPES = [
    ((8, 8, 1), {}),
    ((16, 16, 3), {"widths": (12, 20), "depth": 2}),  # channels that are no multiple of 8
    ((16, 8, 1), {"widths": (8, 8, 16)}),  # down to 2×1 pixels
    ((128, 128, 2), {"widths": (8,)}),  # patches of 8 pixels, beyond which the head reads no pixels
]


@needs_node
@pytest.mark.parametrize(
    "shape, options, classes",
    [
        *((*shape, CLASSES) for shape in SHAPES),
        (*SHAPES[0], 0),
        *(pytest.param(*shape, 0, marks=pytest.mark.slow) for shape in SHAPES[1:]),
    ],
    ids=lambda value: "x".join(map(str, value)) if isinstance(value, tuple) else None,
)
def test_the_unet_is_that_of_the_model(shape, options, classes):
    model = small("cddpm" if classes else "ddpm", shape, classes, **options, **{} if classes else {"clusters": 0})
    run, x = Given(model), images(3, shape)
    labels = np.array([0, 2, classes])  # the last is none
    ours = model.ema(x, np.full(3, 617.0, np.float32), labels).numpy()
    rows = text(np.eye(classes + 1)[labels]) if classes else None
    task = {"kind": "network", "x": text(x), "time": 617.0, "labels": rows}
    for engine in ("wasm", "plain") if shape[0] < 100 else ("wasm",):  # the plain one is slow
        (output,) = asked(run, task, engine=engine)
        assert_close(output, ours, 2e-4 * np.abs(ours).max())


@pytest.mark.parametrize("shape, options", [((8, 8, 1), {}), ((16, 24, 3), {"widths": (8, 12, 20)})])
@pytest.mark.parametrize("family", ["vae", "cvae"])  # the ae's is the vae's, and sampled from below
def test_the_decoder_is_that_of_the_model(family, shape, options):
    model = small(family, shape, **options)
    run, z, labels = Given(model), images(3, (6,)), np.array([0, 2, 3], np.int32)
    ours = model.ema.decoder(z, labels).numpy()
    rows = text(np.eye(CLASSES)[labels]) if model.conditional else None
    task = {"kind": "decoder", "x": text(z), "n": 3, "labels": rows}
    for engine in ("wasm", "plain"):
        (output,) = asked(run, task, engine=engine)
        assert_close(output, ours, 2e-4 * np.abs(ours).max())


def labels_of(model, n):
    return (np.arange(n) % CLASSES).astype(np.int32) if model.conditional else None


def sampled(model, run, n=4, **options):
    """Pictures of the model, and those of the page's engine."""
    labels = labels_of(model, n)
    task = {"kind": "sample", "asked": [0] * n if labels is None else labels.tolist(), "options": options}
    (found,) = asked(run, task)
    ours = model.sample(n, labels=labels, **options)
    assert np.ptp(ours) > 0.1  # there is something to see
    return np.clip(found, -1, 1), ours


@pytest.mark.parametrize("guidance", [0.0, 1.0, 2.5])
@pytest.mark.parametrize("family", DENOISERS)
def test_one_seed_gives_one_picture(given, family, guidance):
    model, run = given(family)
    sampler = {"sampler": "dpmpp_2m"} if model.entry.diffuses else {}
    found, ours = sampled(model, run, seed=5, steps=5, guidance=guidance, **sampler)
    assert_close(found, ours)


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_every_sampler_gives_its_picture(given, sampler):
    model, run = given("cddpm")
    found, ours = sampled(model, run, seed=1, sampler=sampler, steps=10, guidance=2.0)
    assert_close(found, ours)


@pytest.mark.parametrize("options", [{"predict": "eps"}, {"predict": "x0", "zero_snr": True}, {"schedule": "linear"}])
def test_every_prediction_and_schedule(given, options):  # given: nothing is traced
    model = small("cddpm", **options)
    found, ours = sampled(model, Given(model), seed=2, sampler="dpmpp_2m", steps=5, guidance=2.0)
    assert_close(found, ours)


PRIORS = [(name, prior) for name in AUTOENCODERS for prior in ({}, {"prior": "mixture"}, {"prior": "normal"})]


@pytest.mark.parametrize("family, prior", [(name, prior) for name, prior in PRIORS if not prior or name != "ae"])
def test_latents_are_drawn_as_by_the_model(given, family, prior):
    model, run = given(family)
    found, ours = sampled(model, run, n=9, seed=7, **prior)
    assert_close(found, ours)


@pytest.mark.parametrize("family", ["ddpm", "cddpm"])
def test_editing_is_that_of_the_model(given, family):
    model, run = given(family)
    originals, labels = images(3, seed=4), labels_of(model, 3)
    mask = np.zeros((8, 8), bool)
    mask[4:] = True
    told = [0] * 3 if labels is None else labels.tolist()
    options = {"guidance": 2.0, "seed": 6}
    edit, fill = ({"sampler": sampler, "steps": 10} for sampler in ("ddim", "ddpm"))
    given_to = {"images": text(originals), "asked": told}
    tasks = (
        {"kind": "redraw", **given_to, "options": options | {"strength": 0.5, "edit": edit}},
        {"kind": "fill", **given_to, "mask": mask.astype(int).ravel().tolist(), "options": options | {"fill": fill}},
    )
    redrawn, filled = asked(run, *tasks)
    ours = model.img2img(originals, labels, strength=0.5, **options, **edit)
    assert_close(np.clip(redrawn, -1, 1), ours)
    ours = model.inpaint(originals, mask, labels, **options, **fill)
    assert_close(np.clip(filled, -1, 1), ours)
    np.testing.assert_allclose(filled.reshape(ours.shape)[:, :4], originals[:, :4], atol=1e-6)


def test_the_walk_is_on_the_great_circle(given):
    a, b = images(2, seed=1)
    tasks = [{"kind": "slerp", "a": text(a), "b": text(b), "u": u} for u in (0, 0.3, 1)]
    for task, found in zip(tasks, asked(given("ae")[1], *tasks), strict=True):
        np.testing.assert_allclose(found.reshape(a.shape), slerp(a[None], b[None], task["u"])[0], atol=1e-6)
