"""One run on four workers of a Ray cluster: `python examples/ray_train.py`, with ray[train] and genzoo on all nodes.

Ray sets TF_CONFIG in each worker's process; the rest is what `genzoo train` does.
"""

import os

from ray.train import ScalingConfig
from ray.train.tensorflow import TensorflowTrainer


def train_one(config):
    """Is a worker of them."""
    from genzoo.training.cluster import of_tf_config
    from genzoo.training.settings import TrainSettings
    from genzoo.training.start import train
    from genzoo.training.workers import ALONE, Workers

    cluster = of_tf_config(os.environ["TF_CONFIG"])
    train(TrainSettings(**config), workers=Workers(cluster) if cluster else ALONE)


if __name__ == "__main__":
    TensorflowTrainer(
        train_one,
        train_loop_config={"model": "cddpm", "data": "mnist", "batch_size": 512, "minutes": 60, "out": "/runs/mine"},
        scaling_config=ScalingConfig(num_workers=4, use_gpu=True),
    ).fit()
