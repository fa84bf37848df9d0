"""Reads an export without genzoo: a script for a fresh process, which knows the format's own runtime and NumPy only.

    python alone.py KIND FOLDER SECONDS QUESTIONS.npz ANSWERS.npz

KIND: onnx, tflite or savedmodel.     QUESTIONS: arrays named FILE:INPUT, a row an image (SavedModel: FUNCTION:INPUT).
ANSWERS gets FILE:OUTPUT, FILE:seconds [2], those of one call with the first image and with all, the best of some, for
the files named in `time:FILE`, and `runtime`, its name and version.     SECONDS: to repeat each of the two in.
"""

import sys
import time
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

import numpy as np


def onnx(folder):
    """Returns a function (file name) → function (inputs) → outputs, and the name of what computes."""
    runtime = import_module("onnxruntime")

    def open_(name):
        session = runtime.InferenceSession(str(folder / name), providers=["CPUExecutionProvider"])
        outputs = [output.name for output in session.get_outputs()]
        return lambda inputs: dict(zip(outputs, session.run(None, inputs), strict=True))

    return open_, f"onnxruntime {runtime.__version__}"


def tflite(folder):
    try:
        runtime = import_module("ai_edge_litert.interpreter")
        name = f"ai-edge-litert {version('ai-edge-litert')}"
    except ImportError:  # TensorFlow's own, which is older
        tensorflow = import_module("tensorflow")
        runtime, name = tensorflow.lite, f"TensorFlow Lite {tensorflow.__version__}"

    def open_(name):
        interpreter = runtime.Interpreter(str(folder / name))
        (signature,) = interpreter.get_signature_list()
        run = interpreter.get_signature_runner(signature)
        return lambda inputs: run(**inputs)

    return open_, name


def savedmodel(folder):
    tensorflow = import_module("tensorflow")
    model = tensorflow.saved_model.load(str(folder))

    def open_(name):
        return lambda inputs: getattr(model, name)(**{what: tensorflow.constant(one) for what, one in inputs.items()})

    return open_, f"TensorFlow {tensorflow.__version__}"


RUNTIMES = {"onnx": onnx, "tflite": tflite, "savedmodel": savedmodel}


def answer(kind, folder, seconds, questions):
    open_, runtime = RUNTIMES[kind](folder)
    inputs, timed, answers = {}, [], {"runtime": np.array(runtime)}
    for key in questions.files:
        name, _, what = key.partition(":")
        if name == "time":
            timed.append(what)
        else:
            inputs.setdefault(name, {})[what] = questions[key]
    for name, given in inputs.items():
        call = open_(name)
        answers |= {f"{name}:{what}": np.asarray(value) for what, value in call(given).items()}
        if name in timed:
            first = {what: value[:1] for what, value in given.items()}
            answers[f"{name}:seconds"] = np.array([best(call, one, seconds) for one in (first, given)])
    assert "genzoo" not in sys.modules
    return answers


def best(call, inputs, seconds):
    """Returns the shortest time of a call, the first one left out."""
    call(inputs)
    shortest, end = np.inf, time.perf_counter() + seconds
    while True:
        began = time.perf_counter()
        call(inputs)
        shortest = min(shortest, time.perf_counter() - began)
        if time.perf_counter() > end:
            return shortest


if __name__ == "__main__":
    kind, folder, seconds, questions, answers = sys.argv[1:]
    np.savez(answers, **answer(kind, Path(folder), float(seconds), np.load(questions)))
