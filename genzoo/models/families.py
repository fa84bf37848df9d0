"""The families by name, with the settings that need no thought. Importing this does not import TensorFlow."""

from dataclasses import dataclass, field
from importlib import import_module

from genzoo.errors import UsageError


@dataclass(frozen=True)
class Family:
    """module, cls: where the class is.   train, model, sample: defaults of training, its constructor, sampling.

    What the class says too, but behind the import of TensorFlow, which takes seconds:
    labelled: labels enter the model.   encodes: images can be put into it.   options: of its `sample`.
    """

    summary: str
    module: str
    cls: str
    train: dict
    model: dict = field(default_factory=dict)
    sample: dict = field(default_factory=dict)
    labelled: bool = False
    encodes: bool = False
    options: tuple = ()

    @property
    def diffuses(self):
        """Whether it is sampled by the tables of `samplers`; then it edits images too."""
        return "sampler" in self.options


# A length in minutes suits any data set and any machine; --epochs and --steps are there for those who compare.
_FAST = {"batch_size": 128, "lr": 2e-3, "minutes": 2, "ema": 0.995}
_DIFFUSION = {"batch_size": 64, "lr": 2e-3, "minutes": 5, "ema": 0.999}
_SAMPLING = ("sampler", "steps", "timesteps", "eta", "variance", "clip_denoised", "threshold")
# Few evaluations: see docs/performance.md. Guidance acts where the class is decided, and elsewhere costs variety.
_FEW = {"sampler": "dpmpp_2m"}
_GUIDING = ("guidance", "guidance_interval", "guidance_rescale")

MODELS = {
    "ae": Family(
        "autoencoder, sampled through a Gaussian mixture", "ae", "AE", _FAST, {"latent_dim": 64}, encodes=True,
    ),
    "vae": Family("variational autoencoder", "vae", "VAE", _FAST, {"latent_dim": 32, "beta": 1.0}, encodes=True),
    "cvae": Family(
        "VAE conditioned on labels", "cvae", "CVAE", _FAST, {"latent_dim": 32, "beta": 1.0},
        labelled=True, encodes=True,
    ),
    "blend": Family(
        "denoiser from scratch, on images blended with noise", "blend", "Blend", _DIFFUSION, {}, {"steps": 20},
        options=("steps", "share"),
    ),
    "ddpm": Family(
        "denoising diffusion", "ddpm", "DDPM", _DIFFUSION, {"diffusion_steps": 1000}, _FEW,
        encodes=True, options=_SAMPLING,
    ),
    "cddpm": Family(
        "denoising diffusion on labels, with classifier-free guidance", "cddpm", "CDDPM", _DIFFUSION,
        {"diffusion_steps": 1000, "drop_label": 0.1}, _FEW | {"guidance": 2.0, "guidance_interval": (1.0, 10.0)},
        labelled=True, encodes=True, options=_SAMPLING + _GUIDING,
    ),
}  # fmt: skip


def family(name):
    """The `Family` called `name`; raises UsageError for an unknown one."""
    if name not in MODELS:
        raise UsageError(f"unknown model {name!r}: choose from {', '.join(MODELS)}")
    return MODELS[name]


def build(name, *, image_shape=(32, 32, 1), num_classes=10, **overrides):
    """A new model of family `name`, its weights made; overrides go to its constructor.

    image_shape: (H, W, C) with H and W multiples of 8.   Raises UsageError for options that the family does not have.
    """
    entry = family(name)
    cls = getattr(import_module(f"genzoo.models.{entry.module}"), entry.cls)
    try:
        return cls(tuple(image_shape), num_classes, **entry.model | overrides)
    except TypeError as error:
        if "unexpected keyword argument" not in str(error):
            raise
        raise UsageError(f"{name}: {str(error).split('__init__() ')[-1]}") from None
