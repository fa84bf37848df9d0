"""Runs as files that work without genzoo: for ONNX, TFLite and TensorFlow alone, and as a page for browsers."""
