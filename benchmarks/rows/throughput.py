"""Row 1: training images a second of each family's default, of cddpm with images in files, and of the baselines."""

from benchmarks.measuring import interleaved, ratio, spread
from benchmarks.reporting import cells, median_and_range
from benchmarks.stopwatch import step_seconds
from genzoo.models.families import MODELS
from genzoo.pictures.tables import Cell, Column, Table

TITLE = "Training throughput"
WARM = 0.1  # seconds of training before the clock counts: they compile


def measure(bench):
    def of(model, batches, batch_size):
        step_seconds(model, batches, WARM)
        return lambda: batch_size / step_seconds(model, batches, bench.seconds)

    contenders = {}
    trainers = {name: bench.trainer(name) for name in MODELS}
    trainers["cddpm, images in files"] = bench.trainer("cddpm", in_files=True)
    for name, trainer in trainers.items():
        contenders[name] = of(trainer.model, trainer.batches(0), trainer.batch_size)
    article, batches, batch_size = bench.article
    contenders["article"] = of(article, batches, batch_size)
    if bench.course:
        bench.ask_course("train", WARM)

        def course():
            images, seconds = bench.ask_course("train", bench.seconds)
            return images / seconds

        contenders["course"] = course
    rates = interleaved(contenders, bench.rounds)
    return {
        "images_per_second": {name: spread(values) for name, values in rates.items()},
        "cddpm_over": {name: ratio(rates["cddpm"], values) for name, values in rates.items()},
        "epoch_seconds": {name: len(bench.data.train_images) / spread(v)["median"] for name, v in rates.items()},
    }


def table(found):
    columns = [
        *median_and_range("rate", "images/s", ".0f"),
        *median_and_range("over", "cddpm is so many times as fast", ".2f"),
        Column("epoch", "epoch", format=".0f", unit="s"),
    ]
    rows = [
        (name, cells("rate", rate) | cells("over", found["cddpm_over"][name])
        | {"epoch": Cell(found["epoch_seconds"][name])})
        for name, rate in found["images_per_second"].items()
    ]  # fmt: skip
    return Table(columns, rows)
