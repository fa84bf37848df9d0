"""What the mathematics of diffusion offers by name. To add a sampler: a function in `samplers`, and an entry here."""

from dataclasses import dataclass

from genzoo.options import Choice, Entry, Number, Option, catalogue

STEPS = 7  # of a sampler, where none are asked for

PREDICTIONS = ("v", "eps", "x0")  # what a network can be trained to give, see `formulas.target`

SCHEDULES = catalogue(
    Entry("cosine", "that of Nichol & Dhariwal (2021)", "genzoo.diffusion.schedules:cosine"),
    Entry("linear", "that of Ho et al. (2020), scaled to end in noise", "genzoo.diffusion.schedules:linear"),
)

SPACINGS = catalogue(
    Entry("trailing", "even, from pure noise on", "genzoo.diffusion.spacings:trailing"),
    Entry("linspace", "even, both ends included", "genzoo.diffusion.spacings:linspace"),
    Entry("uniform", "that of the DDIM paper, which starts below pure noise", "genzoo.diffusion.spacings:leading"),
    Entry("quad", "squares of even steps, dense near the image", "genzoo.diffusion.spacings:quad"),
    Entry("logsnr", "even in the logarithm of the signal-to-noise ratio", "genzoo.diffusion.spacings:log_snr"),
)


@dataclass(frozen=True)
class Sampler(Entry):
    """home: a function (schedule, pairs, **options) → `samplers.Table`.

    steps: where none are asked for; None: all that the model has.   cost: evaluations for S steps.
    remembers: whether a step uses predictions of earlier ones.
    """

    steps: int | None = STEPS
    cost: str = "S"
    remembers: bool = False


def _home(name):
    return f"genzoo.diffusion.samplers:{name}"


_ETA = Option("eta", Number(least=0, most=1), 0.0, "share of fresh noise, from 0 (none) to 1 (as ddpm)")
_VARIANCE = Option("variance", Choice(("fixed_small", "fixed_large")), "fixed_small", "of the noise of a step")

SAMPLERS = catalogue(
    Sampler("dpmpp_2m", "good from 7 steps on, and deterministic, so that seeds stay comparable",
            _home("dpmpp_2m"), remembers=True),
    Sampler("ddim", "as deterministic, so that images can be inverted and interpolated",
            _home("ddim"), (_ETA,)),
    Sampler("unipc", "as deterministic, and closest to the exact path at 5 to 10 steps",
            _home("unipc"), remembers=True),
    Sampler("heun", "a reference of second order, to check the others",
            _home("heun"), cost="2S - 1", remembers=True),
    Sampler("ddpm", "ancestral: fresh noise in every step, best with all of them", _home("ddpm"), (_VARIANCE,), None),
)  # fmt: skip
