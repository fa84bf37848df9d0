"""Which words and values each command takes: a function for each, which adds them to the command's parser.

What families, networks, samplers and data sources take, they declare themselves (`genzoo.options`); it is only laid out
here. Nothing here, nor what it imports, imports TensorFlow or NumPy: `--help` and a mistyped option answer at once.
"""

from genzoo.cli import declared, types
from genzoo.data.catalogue import AUTO, FORMS
from genzoo.export.catalogue import FORMATS
from genzoo.models.families import MODELS, TASKS

OF_THE_ZOO = "or zoo:NAME, a run of `genzoo zoo`, whose files go into runs/zoo-NAME"


def train(command):
    command.epilog = declared.families()
    add = command.add_argument_group("what").add_argument
    add("--model", choices=tuple(MODELS), help="the family, see below (default: cddpm)")
    add(
        "--data",
        metavar="NAME",
        help=f"{', '.join(FORMS[1:])}, or {AUTO}: mnist where it is prepared or can be downloaded, else digits "
        f"(default: {AUTO})",
    )
    add("--data-dir", metavar="DIR", help="of TFDS sets (default: TFDS_DATA_DIR, ~/tensorflow_datasets)")
    cache = "keep the images in files there, not in memory (default: sets above 1 GiB, in the user's cache folder)"
    add("--cache", metavar="DIR", help=cache)
    add("--image-size", type=types.whole(8), metavar="PX", help="resize to squares of PX pixels")
    add("--seed", type=types.whole(0), metavar="N", help="of the weights, the order and the noise (default: 0)")

    group = command.add_argument_group("how long (default: see below)").add_mutually_exclusive_group()
    group.add_argument("--epochs", type=types.whole(1), metavar="N", help="passes over the data")
    group.add_argument("--steps", type=types.whole(1), metavar="N", help="batches")
    group.add_argument("--minutes", type=types.number(above=0), metavar="M", help="wall time from launch to end")

    add = command.add_argument_group("how (defaults: see below)").add_argument
    add("--batch-size", type=types.whole(1), metavar="N", help="images a step, of all workers")
    accumulate = "take a step's images in N parts, one after the other: less memory, the same step (default: 1)"
    add("--accumulate", type=types.whole(1), metavar="N", help=accumulate)
    add("--lr", type=types.number(above=0), metavar="RATE", help="learning rate")
    add("--ema", type=types.number(least=0, below=1), metavar="DECAY", help="of averaged weights; 0: none")
    add("--jit-compile", action="store_true", help="compile the step with XLA (GPU; slower on a CPU)")

    group = command.add_argument_group("who (default: those of TF_CONFIG where it is set, else this process alone)")
    add = group.add_mutually_exclusive_group().add_argument
    add("--workers", type=types.whole(1), metavar="N", help="start N processes here that train as one, with a GPU each")
    add("--cluster", choices=("slurm",), help="train as one with the other tasks of this job")

    add = command.add_argument_group("where").add_argument
    add("--out", metavar="RUN", help="the run folder (default: runs/MODEL-DATA, numbered)")
    add("--overwrite", action="store_true", help="replace an existing run in --out")
    add("--resume", metavar="RUN", help="go on with an interrupted run exactly, with its own settings")
    source = "begin with the weights of a run, or of zoo:NAME, and with its family and options"
    add("--from", metavar="RUN", help=source)
    add("--sample-every", type=types.whole(0), metavar="N", help="steps between pictures; 0: only at the end")
    add("--tensorboard", action="store_true", help="write RUN/tb")
    add("--dry-run", action="store_true", help="only print parameters, steps, memory and expected time")

    group = command.add_argument_group("options of families and networks (defaults that differ: see below)")
    declared.add(group, declared.family_options())
    any_of = {"type": types.setting, "metavar": "KEY=VALUE", "help": "any of these; repeatable"}
    group.add_argument("--set", action=declared.Gather, **any_of)


def sample(command):
    _run(command)
    add = command.add_argument
    add("--n", type=types.whole(1, 10**9), metavar="N", help="images (default: about 64, or one a label)")
    add(
        "--labels",
        type=types.labels,
        help="for families with labels: 7, or 0,1,2, or 0-9, or 3x10 (ten threes), or 0-9x10 (ten of each); "
        "repeated or cut to --n where both are given (default: all, in turn)",
    )
    content = "a picture, or as FILE.npz: images uint8 [N,H,W,C], labels int32 [N]; as FOLDER/: such files in shards, "
    content += "of any number of images, where a second call draws those that are missing"
    _outputs(command, "sample.png", content)
    add("--part", type=types.part, metavar="K/M", help="of the shards: only those of part K of M, for M processes")
    add("--gif", metavar="FILE", help="also an animation from noise to images")
    add("--steps-picture", metavar="FILE", help="also a PNG of input beside prediction, a row a step")

    declared.add(command.add_argument_group("options of some families"), declared.sampling_options())
    command.epilog = declared.samplers()


def _sampling(command, task="sample"):
    """Adds what the families that diffuse can be asked for a task."""
    group = command.add_argument_group("options of sampling")
    declared.add(group, declared.sampling_options(diffusing=True), **TASKS[task])


def reconstruct(command):
    _run(command)
    command.add_argument("--n", type=types.whole(1, 1000), default=10, help="test images (default: 10)")
    _inversion(command, "--steps")
    noise = f"{declared.diffusing()}: a row of the noise in between"
    command.add_argument("--show-noise", action="store_true", help=noise)
    _outputs(command, "reconstruction.png", "a picture: rows of originals, each above its reconstructions")
    _data_dir(command)


def interpolate(command):
    _run(command)
    command.add_argument("--n", type=types.whole(1, 100), default=8, help="pairs of test images (default: 8)")
    command.add_argument("--steps", type=types.whole(2, 100), default=10, help="images a pair (default: 10)")
    _inversion(command, "--ddim-steps")
    _outputs(command, "interpolation.png", "a picture: a row a pair, the two originals at its ends")
    _data_dir(command)


def _inversion(command, name):
    help = f"{declared.diffusing()}: steps to the noise, and as many back (default: {TASKS['invert']['steps']})"
    command.add_argument(name, dest="ddim_steps", type=types.whole(1), metavar="N", help=help)


def img2img(command):
    _given(command)
    far = "how far to go to the noise and back (default: 0.6)"
    command.add_argument("--strength", type=types.number(above=0, most=1), default=0.6, metavar="SHARE", help=far)
    _sampling(command, "img2img")
    _outputs(command, "img2img.png", "a picture: rows of originals, each above what became of them")


def inpaint(command):
    _given(command)
    where = command.add_mutually_exclusive_group().add_argument
    box = types.numbers(4, "TOP,LEFT,HEIGHT,WIDTH")
    where("--box", type=box, metavar="TOP,LEFT,HEIGHT,WIDTH", help="in pixels (default: the lower half)")
    where("--mask", metavar="FILE", help="or a picture of the images' size, light where they are to be made anew")
    _sampling(command, "inpaint")
    _outputs(command, "inpainting.png", "a picture: rows of originals, what is kept of them, what is made of that")


def _given(command):
    _run(command)
    command.add_argument("--n", type=types.whole(1, 1000), default=10, help="test images (default: 10)")
    command.add_argument("--labels", type=types.labels, help="to become, as of sample (default: their own)")
    _data_dir(command)


def evaluate(command):
    _run(command)
    _measuring(command, seeds=1)
    declared.add(command.add_argument_group("options of some families"), declared.sampling_options())
    command.epilog = "The numbers go into RUN/metrics.json, the samples nowhere."


def compare(command):
    add = command.add_argument
    add("runs", metavar="RUN", nargs="*", help=f"finished runs on the same data, {OF_THE_ZOO}")
    add("--train", type=types.names(MODELS), metavar="all|NAMES", help="train some families first, as in ae,vae")
    add("--data", default="auto", metavar="NAME", help="with --train: as of train (default: auto)")
    add("--minutes", type=types.number(above=0), metavar="M", help="with --train: for each family (default: 5)")
    _measuring(command, seeds=3)
    add("--out", default="compare", metavar="FOLDER", help="what to write into, runs too (default: compare)")
    add("--overwrite", action="store_true", help="replace tables and pictures that exist; runs are kept")
    command.epilog = "A second call with the same --out goes on where the first one was cut."


def sweep(command):
    _run(command)
    add = command.add_argument
    names = types.several(str)
    add("--samplers", type=names, default=["ddim", "unipc"], metavar="NAMES", help="see below (default: ddim,unipc)")
    whole = types.several(types.whole(1))
    add("--steps", type=whole, default=[5, 10, 20, 50], metavar="N,N", help="(default: 5,10,20,50)")
    add("--guidance", type=types.several(types.number()), metavar="S,S", help="cddpm (default: that of sample)")
    interval = [(option, name) for option, name in declared.sampling_options() if option.name == "guidance_interval"]
    declared.add(command, interval)
    _measuring(command, seeds=None, n="2,000")
    add("--overwrite", action="store_true", help="replace RUN/sweep.csv and sweep.png")
    command.epilog = declared.samplers()


def _measuring(command, seeds, n="10,000"):
    """Adds what all commands take that measure samples. seeds: how many by default; None: there is one."""
    add = command.add_argument
    add("--n", type=types.whole(1, types.MOST_IMAGES), metavar="N",
        help=f"samples from a seed (default: {n}, or as many as there are test images)")  # fmt: skip
    add("--seed", type=types.whole(0), default=0, metavar="N", help="the first seed (default: 0)")
    if seeds:
        add("--seeds", type=types.whole(1, 100), default=seeds, metavar="K", help=f"draws (default: {seeds})")
    _data_dir(command)


def info(command):
    _run(command)


def card(command):
    _run(command)
    out = "the card, FILE.md (default: RUN/README.md); the picture that it shows has to lie beside it"
    command.add_argument("--out", metavar="FILE", help=out)
    command.add_argument("--overwrite", action="store_true", help="replace a card that exists")
    command.epilog = "Its figures are those of metrics.json: run `genzoo evaluate` first."


def export(command):
    runs = f"a finished run folder, {OF_THE_ZOO}; several where the format takes them"
    command.add_argument("runs", metavar="RUN", nargs="+", help=runs)
    add = command.add_argument
    add("--format", choices=tuple(FORMATS), required=True, help="see below")
    add("--out", metavar="PATH", help="a folder, or for web a file (default: RUN/FORMAT, or RUN/page.html)")
    add("--overwrite", action="store_true", help="replace what was exported there before")
    declared.add(command.add_argument_group("options of some formats"), declared.format_options())
    group = command.add_argument_group("the way of sampling that goes into the files, not with web")
    declared.add(group, declared.sampling_options())
    command.epilog = declared.formats()


def zoo(command):
    command.epilog = "Every command that takes a run takes zoo:NAME, and so does genzoo.load in Python."


def _run(command):
    command.add_argument("run", metavar="RUN", help=f"a run folder, finished or interrupted, {OF_THE_ZOO}")


def _outputs(command, default, content):
    add = command.add_argument
    add("--seed", type=types.whole(0), default=0, help="the same seed gives the same file (default: 0)")
    add("--out", metavar="FILE", help=f"{content} (default: RUN/{default}, numbered when taken)")
    add("--overwrite", action="store_true", help="replace files that exist")


def _data_dir(command):
    command.add_argument("--data-dir", metavar="DIR", help="where TFDS sets are, if they moved")
    command.add_argument("--cache", metavar="DIR", help="of the images, as of train, if it moved")
