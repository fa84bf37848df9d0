"""The class-conditioned MNIST model of Hugging Face's diffusion course (unit 2), in PyTorch and diffusers.

Run by `benchmarks.processes.started` as a process of its own, that serves one connection: see `main`. Nothing here
imports genzoo or TensorFlow.

The course's notebook: UNet2DModel on 28×28 images with the label's vector of 4 as further channels, DDPMScheduler with
1000 steps of 'squaredcos_cap_v2', noise predicted, Adam at 1e-3, batches of 128, t from 0 to 998; 1000 steps to sample.
"""

import json
import sys
import time
from multiprocessing.connection import Connection

import numpy as np
import torch
from diffusers import DDIMScheduler, DDPMScheduler, UNet2DModel
from torch import nn

from benchmarks import exams

STEPS, BATCH, LR, LABEL_CHANNELS = 1000, 128, 1e-3, 4
SCHEDULE = {"num_train_timesteps": STEPS, "beta_schedule": "squaredcos_cap_v2"}


class Network(nn.Module):
    """forward(x [B, 1, 28, 28], t, labels [B]) → predicted noise [B, 1, 28, 28]."""

    def __init__(self, classes=10):
        super().__init__()
        self.embedding = nn.Embedding(classes, LABEL_CHANNELS)
        self.unet = UNet2DModel(
            sample_size=28,
            in_channels=1 + LABEL_CHANNELS,
            out_channels=1,
            layers_per_block=2,
            block_out_channels=(32, 64, 64),
            down_block_types=("DownBlock2D", "AttnDownBlock2D", "AttnDownBlock2D"),
            up_block_types=("AttnUpBlock2D", "AttnUpBlock2D", "UpBlock2D"),
        )

    def forward(self, x, t, labels):
        planes = self.embedding(labels)[:, :, None, None].expand(-1, -1, *x.shape[2:])
        return self.unet(torch.cat([x, planes], dim=1), t).sample


class Course:
    """Its training and its sampling. images: uint8 [N, 28, 28, 1]; labels: int [N]."""

    def __init__(self, images, labels, seed=0):
        torch.manual_seed(seed)
        self.images = torch.from_numpy(images[..., 0]).float()[:, None] / 127.5 - 1  # [N, 1, 28, 28]
        self.labels = torch.from_numpy(labels).long()
        self.network, self.noise = Network(), DDPMScheduler(**SCHEDULE)
        self.optimizer = torch.optim.Adam(self.network.parameters(), lr=LR)
        self.seen, self._rows = 0, self._order()

    def _order(self):
        while True:
            yield from torch.randperm(len(self.images)).split(BATCH)

    def step(self):
        """One training step."""
        rows = next(self._rows)
        x = self.images[rows]
        eps, t = torch.randn_like(x), torch.randint(0, STEPS - 1, (len(x),))
        loss = nn.functional.mse_loss(self.network(self.noise.add_noise(x, eps, t), t, self.labels[rows]), eps)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        self.seen += len(x)
        return loss.item()

    def train(self, seconds):
        """Steps for about so long. → (images, seconds)."""
        began, before = time.perf_counter(), self.seen
        while time.perf_counter() - began < seconds:
            self.step()
        return self.seen - before, time.perf_counter() - began

    def steps(self):
        """Of its own recipe."""
        return STEPS

    def draw(self, labels, seed, steps=10):
        """uint8 [n, 28, 28, 1] by DDIM over `steps` steps, the last of which are spaced from pure noise."""
        scheduler = DDIMScheduler(**SCHEDULE, timestep_spacing="trailing")
        scheduler.set_timesteps(steps)
        return self._walk(scheduler, scheduler.timesteps, labels, seed)

    def own(self, labels, seed, most=STEPS):
        """The same by the course's own recipe: ancestral sampling over all steps (or the first `most`)."""
        return self._walk(self.noise, self.noise.timesteps[:most], labels, seed)

    @torch.no_grad()
    def _walk(self, scheduler, times, labels, seed):
        generator, labels = torch.Generator().manual_seed(seed), torch.tensor(labels)
        x = torch.randn([len(labels), 1, 28, 28], generator=generator)
        for t in times:
            x = scheduler.step(self.network(x, t, labels), t, x, generator=generator).prev_sample
        return ((x.clamp(-1, 1) + 1) * 127.5).round().byte().numpy()[..., None][:, 0]


def main():
    """argv: a connection's number; {"data": an .npz of `images` and `labels`, "seed", "least"} as JSON.

    With "least" (seconds between exams) it trains and sits exams until it is told to stop. Without, it answers
    (name of a method, arguments) with what the method returns.
    """
    connection, asked = Connection(int(sys.argv[1])), json.loads(sys.argv[2])
    with np.load(asked["data"]) as arrays:
        course = Course(arrays["images"], arrays["labels"], asked.get("seed", 0))
    if "least" in asked:
        timetable, word = exams.Timetable(asked["least"]), exams.TRAIN
        while word == exams.TRAIN:
            while not timetable.due():
                course.step()
            word = exams.sit(connection, timetable, course.seen, course.draw, course.own)
        return
    connection.send("ready")
    while True:
        try:
            method, arguments = connection.recv()
        except EOFError:
            return
        result = getattr(course, method)(*arguments)
        connection.send(None if isinstance(result, np.ndarray) else result)


if __name__ == "__main__":
    main()
