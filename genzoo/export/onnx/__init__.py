"""ONNX graphs, written node by node from a model's own layers: no converter, and the same bytes on both stacks."""
