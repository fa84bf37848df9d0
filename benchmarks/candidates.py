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
    from genzoo.training import start

    trainers = []

    class Examined(start.Trainer):
        def __init__(self, *args):
            super().__init__(*args)
            self.timetable = exams.Timetable(asked["least"])
            trainers.append(self)

        def after_step(self, loss):
            super().after_step(loss)
            if self.timetable.due() and self.sit() == exams.STOP:
                sys.exit()

        def sit(self):
            def draw(labels, seed):
                images = self.model.sample(labels=labels, seed=seed, **asked["options"])
                return to_uint8(images, self.data.native_shape)

            return exams.sit(connection, self.timetable, int(self.model.optimizer.iterations) * self.batch_size, draw)

    start.Trainer = Examined
    start.train(settings)
    trainers[-1].sit()


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
