"""Several workers in processes of their own, and the files of examples/ that start them."""

import ast
import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
import yaml
from small import eagerly, few_latents

from benchmarks import worker_faults
from benchmarks.workers import difference
from genzoo.cli import main
from genzoo.runs.run import Run
from genzoo.training import cluster, settings, start, workers

EXAMPLES = Path(__file__).parents[2] / "examples"
WORDS = (
    "--model vae --latent-dim 6 --set widths=[8,8] --data digits --image-size 8 --batch-size 32 --sample-every 0"
    " --steps 20 --out"
)
SRUN = """#!/bin/sh
export SLURM_STEP_NUM_TASKS=2 SLURM_STEP_NODELIST=localhost SLURM_STEP_TASKS_PER_NODE=2
SLURM_PROCID=1 "$@" & SLURM_PROCID=0 "$@" && wait $!
"""


@pytest.mark.slow
def test_a_job_trains_what_one_process_does(tmp_path):
    (tmp_path / "srun").write_text(SRUN)
    (tmp_path / "srun").chmod(0o755)
    path = os.pathsep.join([str(tmp_path), str(Path(sys.executable).parent), os.environ["PATH"]])
    run = tmp_path / "job"
    job = subprocess.run(
        ["sh", EXAMPLES / "slurm.sh", *WORDS.split(), run],
        env=os.environ | {"PATH": path},
        capture_output=True,
        text=True,
    )
    assert job.returncode == 0, job.stderr
    assert job.stdout.count(str(run)) and job.stdout.count("data:") == 1  # the chief alone tells
    assert Run.open(run).status() == ("finished", 20)
    with eagerly(), few_latents():
        assert main.main(["train", *WORDS.split(), str(tmp_path / "one")]) == 0
    assert difference(run, tmp_path / "one") < 1e-6


@pytest.mark.slow
@pytest.mark.parametrize("fault, codes, said", [
    ("kill -9 of a worker", [5], "has gone or does not answer"),
    ("SIGTERM to a worker", [143, 143], "all saved; go on with: train --resume"),
])  # fmt: skip
def test_what_happens_to_one_ends_all(fault, codes, said, tmp_path):
    seconds, found, lines = worker_faults.hit(fault, tmp_path)
    assert found == codes and all(said in line for line in lines)
    assert seconds < 30
    assert Run.open(tmp_path / "run").status()[0] == "interrupted"


@pytest.mark.slow
def test_workers_save_and_stop_where_their_launcher_is_killed(tmp_path):
    run = tmp_path / "run"
    words = worker_faults.WORDS.replace("train", "train --workers 2").split()
    with subprocess.Popen([sys.executable, "-m", "genzoo", *words, run], stderr=subprocess.DEVNULL) as launcher:
        while not list(run.glob("checkpoints/step_*")) and launcher.poll() is None:
            time.sleep(0.1)
        workers = psutil.Process(launcher.pid).children()
        launcher.kill()
    assert len(workers) == 2
    assert not psutil.wait_procs(workers, 30)[1]
    assert Run.open(run).status()[0] == "interrupted"


def test_the_job_of_kubernetes_is_a_tfjob_of_the_operator():
    job = yaml.safe_load((EXAMPLES / "tfjob.yaml").read_text())
    assert (job["apiVersion"], job["kind"]) == ("kubeflow.org/v1", "TFJob") and job["metadata"]["name"]
    replicas = job["spec"]["tfReplicaSpecs"]
    assert set(replicas) == {"Chief", "Worker"}
    for spec in replicas.values():
        assert set(spec) == {"replicas", "restartPolicy", "template"} and spec["restartPolicy"] == "Never"
        (container,) = spec["template"]["spec"]["containers"]
        assert container["name"] == "tensorflow"
        assert container["ports"] == [{"name": "tfjob-port", "containerPort": 2222}]
        program, *words = container["command"]
        assert program == "genzoo" and words[0] == "train"
    assert replicas["Chief"]["replicas"] == 1
    count = sum(spec["replicas"] for spec in replicas.values())
    cluster.check_divides(int(words[words.index("--batch-size") + 1]), count)


def test_the_script_for_ray_calls_what_there_is():
    tree = ast.parse((EXAMPLES / "ray_train.py").read_text())
    rooms = {module.__name__: module for module in (cluster, settings, start, workers)}
    taken = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module in rooms]
    assert len(taken) == len(rooms)
    assert all(hasattr(rooms[node.module], alias.name) for node in taken for alias in node.names)
    config = next(
        word.value for word in ast.walk(tree) if isinstance(word, ast.keyword) and word.arg == "train_loop_config"
    )
    settings.TrainSettings(**ast.literal_eval(config))
