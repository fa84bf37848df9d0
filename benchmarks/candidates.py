"""genzoo and the article's model as candidates of `exams`, each in a process of its own.

Run by `processes.started`. argv: a connection's number, and as JSON what `quality` asks: who ("ours" or "article"),
data, seed, least (seconds between exams), and of ours minutes, options (of sampling), run (the folder to train into).
"""

import json
import sys
from multiprocessing.connection import Connection

from benchmarks import exams


def ours(connection, asked):
    """`genzoo train --model cddpm --minutes M`, interrupted by exams; the last is after its end."""
    from genzoo.training.settings import TrainSettings

    # First, as the command does: the minutes count from here, and what follows takes seconds.
    settings = TrainSettings(data=asked["data"], seed=asked["seed"], minutes=asked["minutes"], out=asked["run"])
    from genzoo.data.pixels import to_uint8
    from genzoo.data.sets import load_data
    from genzoo.models.families import family
    from genzoo.stack import keras
    from genzoo.training.start import train

    data = load_data(settings.data)
    batch_size = min(family(settings.model).train["batch_size"], len(data.train_images))
    timetable = exams.Timetable(asked["least"])

    def sit():
        def draw(labels, seed):
            return to_uint8(callback.model.sample(labels=labels, seed=seed, **asked["options"]), data.native_shape)

        return exams.sit(connection, timetable, int(callback.model.optimizer.iterations) * batch_size, draw)

    def after_step():
        if timetable.due() and sit() == exams.STOP:
            sys.exit()

    callback = keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: after_step())
    train(settings, data, [callback])
    sit()


def article(connection, asked):
    """Trains until it is told to stop."""
    from benchmarks.baselines.article import BATCH, Article
    from genzoo.data.pixels import to_uint8
    from genzoo.data.sets import load_data
    from genzoo.stack import keras

    keras.utils.set_random_seed(asked["seed"])
    timetable = exams.Timetable(asked["least"])
    data = load_data(asked["data"])
    model = Article(data.image_shape, data.num_classes)
    model.compile(optimizer=keras.optimizers.Adam(1e-3), jit_compile=False)

    def saved(recipe):
        return lambda labels, seed: to_uint8(recipe(labels, seed), data.native_shape)

    def after_step():
        if timetable.due():
            seen = int(model.optimizer.iterations) * BATCH
            if exams.sit(connection, timetable, seen, saved(model.draw), saved(model.own)) == exams.STOP:
                sys.exit()

    callback = keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: after_step())
    epoch = 0
    while True:
        batches = data.train_batches(BATCH, seed=asked["seed"], epoch=epoch)
        model.fit(batches, shuffle=False, verbose=0, callbacks=[callback])
        epoch += 1


if __name__ == "__main__":
    wanted = json.loads(sys.argv[2])
    {"ours": ours, "article": article}[wanted["who"]](Connection(int(sys.argv[1])), wanted)
