"""The mathematics of diffusion: formulas, noise schedules, time steps, samplers. No layer, no file, no TensorFlow."""
