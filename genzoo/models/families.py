"""The families by name. To add one: a file here with a subclass of `GenerativeModel`, and an entry below.

An entry declares all that can be asked of a family and all that it can do, so that the command line can check a wish
before TensorFlow starts; the class reads its options from the entry too.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from genzoo.diffusion.catalogue import PREDICTIONS, SAMPLERS, SCHEDULES, SPACINGS
from genzoo.errors import DataError, UsageError
from genzoo.networks.catalogue import NETWORKS, of_role
from genzoo.options import Choice, Entry, Interval, Maybe, Number, Option, Switch, Whole, completed, find

PRECISIONS = ("float32", "bfloat16")
_MIXED = "bfloat16: mixed precision, for a GPU or a CPU that computes in it; weights stay float32"
_PRECISION = Option("precision", Choice(PRECISIONS), "float32", _MIXED)

# A length in minutes suits any data set and any machine; --epochs and --steps are there for those who compare.
_FAST = {"batch_size": 128, "lr": 2e-3, "minutes": 2, "ema": 0.995}
_DIFFUSION = {"batch_size": 64, "lr": 2e-3, "minutes": 5, "ema": 0.999}


@dataclass(frozen=True)
class Family(Entry):
    """A family of models; `options` are those of its constructor.

    samples_by: how it makes an image, in a phrase.         train: defaults of `training.settings.TrainSettings`.
    role: of the networks that it can use; '' where it makes its own.
    sampling: options of `sample`.
    labels: whether labels enter the model.                 encodes: whether images can be put into it.
    likelihood: the kind of bound that `evaluation.metrics.likelihood` takes, or '' and in `no_likelihood` the reason.
    check: (image_shape, options) raises UsageError for options that do not fit the images or each other.
    """

    samples_by: str = ""
    train: dict = field(default_factory=lambda: _FAST)
    role: str = ""
    sampling: tuple[Option, ...] = ()
    labels: bool = False
    encodes: bool = False
    likelihood: str = ""
    no_likelihood: str = "none is declared for it"
    check: Callable = lambda image_shape, options: None

    @property
    def diffuses(self):
        """Whether the tables of `diffusion.samplers` sample it; then it edits images too."""
        return any(option.name == "sampler" for option in self.sampling)

    @property
    def in_steps(self):
        """Whether it makes an image in steps that can be shown."""
        return any(option.name == "steps" for option in self.sampling)

    @property
    def general_options(self):
        """The constructor's options, but for those of a network."""
        names = of_role(self.role)
        network = [Option("network", Choice(names), names[0], "see below")] if self.role else []
        return (*self.options, *network, _PRECISION)

    def check_labels(self, num_classes, data="this data set"):
        """Raises DataError where the family needs labels and there are no classes. data: what has none, in words."""
        if self.labels and num_classes < 1:
            others = ", ".join(name for name, other in MODELS.items() if not other.labels)
            raise DataError(
                f"{self.name} needs labelled images, and {data} has no labels: put the files into one subfolder a "
                f"class, or train a family without labels ({others})"
            )

    def model_options(self, asked, image_shape, num_classes):
        """Returns all options of the constructor, its network's included, {name: value}.

        asked: some of them; the others get their defaults.     Raises UsageError for what does not fit, and what
        `check_labels` raises.
        """
        if any(side % 8 for side in image_shape[:2]):
            raise UsageError(f"image height and width must be multiples of 8, got {tuple(image_shape)}; pad the images")
        self.check_labels(num_classes)
        options, check = self.general_options, None
        if self.role:
            name = asked.get("network", of_role(self.role)[0])
            if name in of_role(self.role):  # else `completed` says so
                options, check = (*options, *NETWORKS[name].options), NETWORKS[name].check
        values = completed(options, asked, self.name)
        for fits in filter(None, (check, self.check)):
            fits(image_shape, values)
        return values

    def sampling_options(self, asked, model_options, task="sample"):
        """Returns all options of `sample`, those of the chosen sampler included, {name: value}.

        asked: some of them; the others get the defaults of the `task`, one of TASKS.     model_options: those of the
        model, which say how many steps there are.      Raises UsageError.
        """
        options = [replace(o, default=TASKS[task].get(o.name, o.default)) for o in self.sampling]
        if not self.diffuses:
            return completed(options, asked, f"sampling of {self.name}")
        name = asked.get("sampler", next(o.default for o in options if o.name == "sampler"))
        sampler = find(SAMPLERS, name, "sampler")
        mine = {option.name for option in (*options, *sampler.options)}
        for other in SAMPLERS.values():
            for option in other.options:
                if option.name in asked and option.name not in mine:
                    raise UsageError(f"sampler {name} takes no {option.name}: that is for {other.name}")
        values = completed((*options, *sampler.options), asked, f"sampling of {self.name}")
        if values["threshold"] is not None and not values["clip_denoised"]:
            raise UsageError("a threshold clips predictions: leave it out, or leave out --no-clip (clip_denoised)")
        if task == "inpaint" and sampler.remembers:
            able = " and ".join(other.name for other in SAMPLERS.values() if not other.remembers)
            raise UsageError(f"inpaint works with {able}, which remember no earlier step; got sampler {name}")
        if asked.get("steps") is None:
            most = model_options["diffusion_steps"]
            values["steps"] = min(values["steps"] or sampler.steps or most, most)
        return values


def _latent_fits(image_shape, options):
    size = image_shape[0] * image_shape[1] * image_shape[2]
    if options["latent_dim"] >= size:
        raise UsageError(f"latent_dim must be below {size}, the numbers in an image; got {options['latent_dim']}")


def _diffusion_fits(image_shape, options):
    if options["zero_snr"] and options["predict"] == "eps":
        raise UsageError("zero_snr needs predict v or x0: at pure noise, eps says nothing about the image")
    if options["zero_snr"] and options["diffusion_steps"] < 2:
        raise UsageError("zero_snr needs at least 2 diffusion_steps, got 1")
    if options["zero_snr"] and options["min_snr"] is not None:
        raise UsageError("zero_snr and min_snr exclude each other: the first step of sampling would have no weight")


def _latent(default):
    return Option("latent_dim", Whole(1), default, "numbers in the bottleneck")


_VAE = (_latent(32), Option("beta", Number(least=0, metavar="B"), 1.0, "weight of the KL term"))
_DROP = Option("drop_label", Number(least=0, most=1), 0.1, "share of training labels that are hidden")
_INVENTED = (
    Option("clusters", Whole(0, 1000), 50, "groups of like images, as labels that the model invents; 0: no guidance"),
    _DROP,
)
_DDPM = (
    Option("diffusion_steps", Whole(1, 10**7, "T"), 1000, "steps of the noise"),
    Option("schedule", Choice(tuple(SCHEDULES)), "cosine", "of the noise"),
    Option("zero_snr", Switch(), False, "let the schedule end in pure noise; needs --predict v or x0"),
    Option("predict", Choice(PREDICTIONS), "v", "what the network gives"),
    Option("min_snr", Maybe(Number(above=0, metavar="GAMMA")), None, "weigh the loss by min(SNR, GAMMA), such as 5"),
)
_STEPS_HELP = "fewer: sooner; more: better"
# Few evaluations, and guidance where the class is decided, since elsewhere it costs variety: see docs/performance.md.
_SAMPLING = (
    Option("sampler", Choice(tuple(SAMPLERS)), "unipc", "see below"),
    Option("steps", Maybe(Whole(1)), None, _STEPS_HELP),
    Option("timesteps", Choice(tuple(SPACINGS)), "trailing", "how the steps are spaced"),
    Option("threshold", Maybe(Number(above=0, most=1, metavar="Q")), None,
           "scale predictions down where this quantile of their pixels is above 1, such as 0.995"),
    Option("clip_denoised", Switch(), True, "do not keep predictions in [-1, 1]", "--no-clip"),
)  # fmt: skip


def _guidance(scale):
    return (
        Option("guidance", Number(metavar="S"), scale,
               "how clearly to follow labels, or the groups that a model invents; 0: not, 1: as learned, other: twice "
               "the cost"),
        Option("guidance_interval", Maybe(Interval()), (1.0, 10.0),
               "guide only where the noise level sqrt((1 - abar) / abar) is between these; none: everywhere"),
        Option("guidance_rescale", Number(least=0, most=1, metavar="PHI"), 0.0,
               "undo this share of the contrast that guidance adds"),
    )  # fmt: skip


_PRIOR = (
    Option("prior", Choice(("mixture", "normal")), "mixture",
           "where latents are drawn from: a Gaussian mixture fitted to those of training images, or N(0, I)"),
)  # fmt: skip

# What is done with a model that diffuses, and the defaults that it has there instead of those of `sample`.
TASKS = {
    "sample": {},
    "img2img": {"sampler": "ddim", "steps": 50, "guidance_interval": None},
    "inpaint": {"sampler": "ddpm", "steps": 250, "guidance_interval": None},
    "invert": {"sampler": "ddim", "steps": 50, "guidance": 1.0, "guidance_interval": None, "clip_denoised": False},
}

MODELS = {
    entry.name: entry
    for entry in (
        Family(
            "ae", "convolutional autoencoder with a bottleneck", "genzoo.models.ae:AE", (_latent(32),),
            "decoding draws from a Gaussian mixture fitted to its latents", role="autoencoder",
            encodes=True, check=_latent_fits,
            no_likelihood="its decoder gives a point, not a density, and its mixture only draws latents to decode",
        ),
        Family(
            "vae", "variational autoencoder (Kingma & Welling 2014)", "genzoo.models.vae:VAE", _VAE,
            "decoding draws from a mixture fitted to its posteriors, or from N(0, I)", role="autoencoder",
            sampling=_PRIOR, encodes=True, likelihood="latent", check=_latent_fits,
        ),
        Family(
            "cvae", "variational autoencoder given labels (Sohn et al. 2015)", "genzoo.models.cvae:CVAE", _VAE,
            "the same, of a mixture for each label", role="autoencoder", sampling=_PRIOR, labels=True, encodes=True,
            likelihood="latent", check=_latent_fits,
        ),
        Family(
            "blend", "denoiser from scratch, of images blended with noise", "genzoo.models.blend:Blend", _INVENTED,
            "moving 1/(n-i) of the way to the prediction, n times, guided as ddpm", _DIFFUSION, "denoiser", sampling=(
                Option("steps", Whole(1), 20, _STEPS_HELP),
                Option("share", Maybe(Number(above=0, most=1)), None, "move this fixed share of the way each time"),
                *_guidance(3.0)[:2],
            ),
            no_likelihood="it only learns to predict the image: its way from noise to image is no chain of densities",
        ),
        Family(
            "ddpm", "denoising diffusion (Ho et al. 2020)", "genzoo.models.ddpm:DDPM", (*_DDPM, *_INVENTED),
            "any sampler below, guided by groups of like images that it finds itself", _DIFFUSION, "denoiser",
            sampling=(*_SAMPLING, *_guidance(3.0)), encodes=True, likelihood="diffusion", check=_diffusion_fits,
        ),
        Family(
            "cddpm", "denoising diffusion given labels, some hidden in training (Ho & Salimans 2022)",
            "genzoo.models.cddpm:CDDPM", (*_DDPM, _DROP), "any sampler below, guided by the labels",
            _DIFFUSION | {"batch_size": 32}, "denoiser", sampling=(*_SAMPLING, *_guidance(1.7)), labels=True,
            encodes=True, likelihood="diffusion", check=_diffusion_fits,
        ),
    )
}  # fmt: skip


def family(name):
    """Returns the `Family` called `name`; raises UsageError for an unknown one."""
    return find(MODELS, name, "model")


def build(name, *, image_shape=(32, 32, 1), num_classes=10, **options):
    """Returns a new model of family `name`, its weights made; options go to its constructor.

    image_shape: (H, W, C) with H and W multiples of 8.   Raises UsageError for options that do not fit.
    """
    entry = family(name)
    entry.model_options(options, image_shape, num_classes)  # a mistake is answered before TensorFlow starts
    return entry.load()(tuple(image_shape), num_classes, **options)


def those(fact):
    """Returns the names of the families of which a property of `Family` holds, as 'a or b'."""
    return " or ".join(name for name, entry in MODELS.items() if getattr(entry, fact))
