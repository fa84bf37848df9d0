"""What every family promises, over the registry."""

import numpy as np
import pytest
from small import (
    AUTOENCODERS,
    CLASSES,
    DIFFUSION,
    WHOLE,
    compiled,
    dataset,
    eagerly,
    families,
    images,
    shaken,
    shared,
    small,
)

import genzoo
from genzoo.errors import CheckpointError, DataError, UsageError
from genzoo.models.families import MODELS
from genzoo.networks.blocks import Residual, named_weights
from genzoo.stack import keras, tf

LABELLED = [name for name in MODELS if name.startswith("c")]
FAST = {name: {"steps": 4} for name in ("blend", *DIFFUSION)}


@pytest.mark.parametrize("name", families())
def test_plain_fit_learns_and_reports(name):
    model = shared(name, lr=3e-3)
    assert isinstance(model, keras.Model)
    history = model.fit(dataset(64), validation_data=dataset(16), epochs=6, verbose=0, shuffle=False).history
    assert set(history) == {p + loss for p in ("", "val_") for loss in model.loss_names}
    assert np.isfinite(list(history.values())).all()
    assert history["loss"][-1] < 0.98 * history["loss"][0]
    assert history["loss"][0] > 0


@pytest.mark.parametrize("name", families())
def test_training_is_a_function_of_the_seed(name):
    def weights(model, epochs=2):
        model.fit(dataset(), epochs=epochs, verbose=0, shuffle=False)
        return np.concatenate([v.numpy().ravel() for v in model.state_variables().values()])

    a = weights(shared(name))
    np.testing.assert_array_equal(a, weights(shared(name)))
    if name not in WHOLE:
        return
    one, two = (compiled(small(name), run_eagerly=True) for _ in range(2))
    two.seed = 2
    first = weights(one, 1)
    assert np.abs(first - weights(two, 1)).max() > 0
    for _ in range(100):  # moves the numbers in the names of layers across a power of ten: their order changes
        Residual(8, modulated=True)
    np.testing.assert_array_equal(first, weights(compiled(small(name), run_eagerly=True), 1))


@pytest.mark.parametrize(
    "image_shape, name",
    [
        *(pytest.param((8, 8, 3), name, marks=pytest.mark.slow) for name in MODELS if name not in WHOLE),
        *(((64, 64, 3), name) for name in WHOLE),
        *(pytest.param((8, 8, 3), name, marks=pytest.mark.slow) for name in WHOLE),
        *(pytest.param((64, 64, 3), name, marks=pytest.mark.slow) for name in MODELS if name not in WHOLE),
    ],
)
def test_any_image_shape_trains_and_samples(image_shape, name):
    with eagerly():  # the graphs are those of the smaller models
        model = compiled(small(name, image_shape, widths=(8, 8)))
        model.fit(dataset(8, 8, image_shape), verbose=0, shuffle=False)
        model.prepare_sampling(images(16, image_shape), np.arange(16) % CLASSES)
        sampled = model.sample(2, **FAST.get(name, {}))
    assert sampled.shape == (2, *image_shape) and sampled.dtype == np.float32
    assert np.isfinite(sampled).all() and np.abs(sampled).max() <= 1


@pytest.mark.parametrize("name", MODELS)
def test_one_seed_one_picture(name):
    model, options = shaken(shared(name)), FAST.get(name, {})
    a = model.sample(6, seed=7, **options)
    np.testing.assert_array_equal(a, model.sample(6, seed=7, **options))
    assert np.abs(a - model.sample(6, seed=8, **options)).max() > 1e-3
    with_bar = model.sample(6, seed=7, progress=lambda done, total: None, **options)
    np.testing.assert_array_equal(a, with_bar)


@pytest.mark.parametrize("name", MODELS)
def test_graph_and_eager_draw_the_same_picture(name):
    model, options = shaken(shared(name)), FAST.get(name, {})
    graph = model.sample(3, seed=7, **options)
    with eagerly():
        eager = model.sample(3, seed=7, **options)
    np.testing.assert_allclose(graph, eager, atol=1e-5)


@pytest.mark.parametrize("name", MODELS)
def test_config_rebuilds_the_model_and_weights_move_over(name):
    model = shaken(shared(name))
    twin = genzoo.build(name, **model.config)
    twin.load_weights_dict(model.weights_dict())
    options = FAST.get(name, {})
    with eagerly():
        np.testing.assert_array_equal(model.sample(3, **options), twin.sample(3, **options))
    assert all(np.isfinite(v).all() for v in model.weights_dict().values())


def test_foreign_weights_are_refused():
    model = shared("vae")
    arrays = model.weights_dict()
    with pytest.raises(CheckpointError, match="not of this model"):
        model.load_weights_dict(shared("cvae").weights_dict())
    name = next(iter(arrays))
    with pytest.raises(CheckpointError, match="has shape"):
        model.load_weights_dict(arrays | {name: arrays[name][..., :-1]})


@pytest.mark.parametrize("name", MODELS)
def test_every_weight_has_one_name(name):
    model = shared(name)
    for network in (model.network, model.ema):
        named = named_weights(network)
        assert {id(w) for w in named.values()} == {id(w) for w in network.weights}
        assert len(named) == len(network.weights)


@pytest.mark.parametrize("name", MODELS)
def test_every_trainable_weight_gets_a_gradient(name):
    """A branch that the loss cannot reach would keep its weights for ever."""
    model = shaken(shared(name))
    batch = next(iter(dataset(16)))
    with tf.GradientTape() as tape:
        loss = model.loss_terms(model.network, batch["image"], batch["label"], 0, training=True)["loss"]
    gradients = tape.gradient(loss, model.network.trainable_variables)
    assert all(g is not None and np.abs(g).max() > 0 for g in gradients)


@pytest.mark.parametrize("name", LABELLED)
def test_labels_are_one_an_image(name):
    model, options = shaken(shared(name), scale=0.3), FAST.get(name, {})
    mixed = model.sample(labels=[3, 1, 0, 3], seed=2, **options)
    assert len(mixed) == 4
    other = model.sample(labels=[3, 2, 0, 0], seed=2, **options)
    np.testing.assert_allclose(mixed[[0, 2]], other[[0, 2]], atol=1e-5)  # the neighbours' labels do not matter
    assert (np.abs(mixed[[1, 3]] - other[[1, 3]]).max(axis=(1, 2, 3)) > 1e-3).all()  # its own does
    np.testing.assert_array_equal(
        model.sample(6, seed=2, **options), model.sample(labels=np.arange(6) % CLASSES, seed=2, **options)
    )


def test_a_longer_request_begins_with_the_shorter_one(monkeypatch):
    monkeypatch.setattr("genzoo.models.sampling.CHUNK", 4)
    model = shaken(shared("vae"))
    images = model.sample(10, seed=3)
    np.testing.assert_allclose(images[:4], model.sample(4, seed=3), atol=1e-6)
    assert np.abs(images[4:8] - images[:4]).max() > 1e-3


@pytest.mark.parametrize("name", AUTOENCODERS)
def test_encode_decode_reconstruct_interpolate(name):
    model = shaken(shared(name))
    labels = {"labels": [0, 1, 2]} if model.conditional else {}
    x = images(3)
    z = model.encode(x, **labels)
    assert z.shape == (3, model.latent_dim)
    np.testing.assert_allclose(model.decode(z, **labels), model.reconstruct(x, **labels), atol=1e-6)
    path = model.interpolate(x, x[::-1], 5, **labels)
    assert path.shape == (5, 3, 8, 8, 1)
    np.testing.assert_allclose(path[0], model.reconstruct(x, **labels), atol=1e-5)
    np.testing.assert_allclose(path[-1], model.reconstruct(x[::-1], **labels), atol=1e-5)


@pytest.mark.parametrize("name", ["blend", *DIFFUSION])
def test_trajectory_goes_from_noise_to_the_sample(name):
    model = shaken(shared(name))
    path = model.trajectory(3, seed=5, frames=4, steps=8)
    assert len(path) == 5 and all(x.shape == p.shape == (3, 8, 8, 1) for x, p in path)
    np.testing.assert_allclose(np.clip(path[-1][0], -1, 1), model.sample(3, seed=5, steps=8), atol=1e-6)
    assert 0.7 < path[0][0].std() < 1.3


def test_the_average_warms_up_and_0_turns_it_off():
    model = shared("vae", lr=1e-2)
    start = model.network.weights[0].numpy()
    model.fit(dataset(16), verbose=0, shuffle=False)  # one step: decay (1 + 0) / (10 + 0)
    now, average = model.network.weights[0].numpy(), model.ema.weights[0].numpy()
    np.testing.assert_allclose(average, 0.1 * start + 0.9 * now, rtol=1e-5)
    model = compiled(small("vae"), lr=1e-2, run_eagerly=True)
    model.ema_decay = 0.0
    model.fit(dataset(32), verbose=0, shuffle=False)
    np.testing.assert_allclose(model.ema.weights[0].numpy(), model.network.weights[0].numpy(), atol=1e-6)


def test_gradients_are_clipped():
    model = compiled(small("ae"), optimizer=keras.optimizers.SGD(1.0), run_eagerly=True)
    before = [w.numpy() for w in model.network.trainable_variables]
    model.fit(dataset(16), verbose=0, shuffle=False)
    moved = sum(np.sum((w.numpy() - b) ** 2) for w, b in zip(model.network.trainable_variables, before, strict=True))
    assert np.sqrt(moved) == pytest.approx(1.0, rel=1e-3)  # the squared error of an image has a far larger gradient


@pytest.mark.slow
@pytest.mark.parametrize("name, tolerance", [("ae", 1e-4), ("cvae", 0.1), ("cddpm", 0.1)])  # XLA draws other noise
def test_xla_takes_the_same_steps(name, tolerance):
    losses = []
    for model in (shared(name, lr=3e-3), compiled(small(name), lr=3e-3, jit_compile=True)):
        losses.append(model.fit(dataset(64), epochs=3, verbose=0, shuffle=False).history["loss"])
    np.testing.assert_allclose(*losses, rtol=tolerance)


@pytest.mark.slow
@pytest.mark.parametrize("name", families(pytest.mark.once))
def test_bfloat16_learns_as_float32_does(name):
    exact, rough = shared(name, lr=3e-3), compiled(small(name, precision="bfloat16"), lr=3e-3, run_eagerly=True)
    assert keras.mixed_precision.global_policy().name == "float32"  # other layers of the process stay what they were
    assert {tf.as_dtype(w.dtype) for w in rough.network.weights} == {tf.float32}
    losses = [model.fit(dataset(64), epochs=3, verbose=0, shuffle=False).history["loss"] for model in (exact, rough)]
    np.testing.assert_allclose(*losses, rtol=0.02)
    rough.load_weights_dict(exact.weights_dict())
    outputs = [model.ema(*(v + 0.5 if v.dtype == tf.float32 else v for v in model.example_inputs()))
               for model in (exact, rough)]  # fmt: skip
    assert outputs[1].dtype == tf.float32
    error = np.linalg.norm(outputs[0] - outputs[1]) / np.linalg.norm(outputs[0])
    assert 1e-5 < error < 0.06  # some, as of 8 bits of precision
    assert genzoo.build(name, **rough.config).options["precision"] == "bfloat16"


def test_validation_repeats_exactly():
    model = shared("ddpm")
    a, b = (model.evaluate(dataset(), verbose=0, return_dict=True)["loss"] for _ in range(2))
    assert a == b


def test_ae_samples_from_the_fitted_mixture():
    model = shared("ae")
    with pytest.raises(UsageError, match="prepare_sampling"):
        model.sample(2)
    assert "10 Gaussians" in model.prepare_sampling(images(200))
    assert model.shares.numpy().sum() == pytest.approx(1, abs=1e-5)
    latents = model.encode(images(200))
    drawn = model.encode(model.decode(latents))  # the decoder's range, to compare spreads with
    assert model.encode(model.sample(200)).std() == pytest.approx(drawn.std(), rel=0.3)


class TestRefusals:
    """One clear line, naming what was wrong."""

    def check(self, match, call, *args, **kwargs):
        with pytest.raises(UsageError, match=match) as error:
            call(*args, **kwargs)
        assert "\n" not in str(error.value)

    def test_build(self):
        self.check("unknown model 'gan': choose from ae, vae", genzoo.build, "gan")
        self.check("vae has no option 'T': it takes latent_dim, beta", genzoo.build, "vae", T=4)
        self.check("multiples of 8", genzoo.build, "vae", image_shape=(28, 28, 1))
        self.check("latent_dim must be below 64, .* got 64", genzoo.build, "ae", image_shape=(8, 8, 1), latent_dim=64)
        self.check("predict of ddpm: expected one of v, eps, x0, got 'score'", genzoo.build, "ddpm", predict="score")
        self.check(
            "precision of vae: expected one of float32, bfloat16, got 'float16'",
            genzoo.build, "vae", precision="float16",
        )
        self.check("4 widths are too many: 8 and 8 pixels", genzoo.build, "vae", image_shape=(8, 8, 1), widths=[8] * 4)
        self.check("5 widths are too many: 16 and 48", genzoo.build, "ddpm", image_shape=(16, 48, 1), widths=[8] * 5)
        for widths in ([], [0], 8, [8.5], "8"):
            self.check("widths of blend: expected a list", genzoo.build, "blend", widths=widths)
        self.check("depth of ddpm: .* from 1 to 64, got 100000", genzoo.build, "ddpm", depth=100_000)
        self.check("network of ddpm: expected one of unet.*, got 'conv'", genzoo.build, "ddpm", network="conv")
        self.check("zero_snr needs predict v or x0", genzoo.build, "ddpm", zero_snr=True, predict="eps")
        self.check("zero_snr and min_snr exclude", genzoo.build, "cddpm", zero_snr=True, min_snr=5)
        for name in LABELLED:
            with pytest.raises(DataError, match=f"{name} needs labelled images"):
                genzoo.build(name, num_classes=0)

    @pytest.mark.parametrize("name", MODELS)
    def test_sample(self, name):
        model = shaken(shared(name))
        self.check("how many", model.sample)
        self.check("n must be an integer ≥ 1, got 0", model.sample, 0)
        self.check(f"sampling of {name} has no option 'stepz'", model.sample, 2, stepz=3)
        if model.conditional:
            self.check("label 4 is out of range: this model knows 0 to 3", model.sample, labels=[0, 4])
            self.check("label -1 is out of range", model.sample, labels=[-1])
            self.check("labels must be a list", model.sample, 3, labels=[0, 1])
            self.check("labels must be integers, got True", model.sample, labels=[True, False])
            self.check("labels must be integers, got 1.0", model.sample, labels=[1.0])
        else:
            self.check(f"{name} takes no labels", model.sample, labels=[1])
        if name in AUTOENCODERS:
            self.check(f"sampling of {name} has no option 'guidance'", model.sample, 2, guidance=2.0)

    @pytest.mark.parametrize("name", DIFFUSION)
    def test_samplers(self, name):
        model = shared(name)
        self.check("unknown sampler 'euler': choose from dpmpp_2m, ddim", model.sample, 2, sampler="euler")
        for steps in (0, 1.5, True):
            self.check(
                f"steps of sampling of {name}: .* of at least 1, .* got {steps}",
                model.ddim_sample, 2, steps=steps,
            )
        self.check("steps must be an integer from 1 to 20", model.ddim_sample, 2, steps=21)
        self.check(
            "timesteps of sampling of .*: expected one of trailing",
            model.ddim_sample, 2, steps=5, timesteps="cubic",
        )
        self.check("eta .*: expected a number at least 0 and at most 1, got 2", model.ddim_sample, 2, steps=5, eta=2)
        self.check("sampler ddpm takes no eta: that is for ddim", model.sample, 2, sampler="ddpm", eta=0.5)

    def test_blend(self):
        self.check("steps of sampling of blend: .*, got 0", shared("blend").sample, 2, steps=0)
        self.check(
            "share of .*: expected a number above 0 and at most 1, or none, got 1.5",
            shared("blend").sample, 2, share=1.5,
        )

    @pytest.mark.parametrize("name", [*AUTOENCODERS, *DIFFUSION])
    def test_images(self, name):
        model = shared(name)
        labels = {"labels": [0]} if model.conditional else {}
        self.check(r"shape \[n, 8, 8, 1\]", model.reconstruct, images(1, (16, 16, 1)), **labels)
        self.check(r"within \[-1, 1\]", model.reconstruct, 255 * images(1), **labels)
        if name in AUTOENCODERS:
            self.check(f"{name} makes an image in one step", model.trajectory, 1)

    def test_blend_takes_no_images(self):
        model = shared("blend")
        self.check("blend has no encoder .* use ae or vae", model.reconstruct, images(1))
        self.check("blend has no encoder", model.interpolate, images(1), images(1), 3)

    def test_cvae_wants_labels_to_encode(self):
        self.check("give one for each of the 2 images", shared("cvae").reconstruct, images(2))
