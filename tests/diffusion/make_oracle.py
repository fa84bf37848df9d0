"""Records in oracle/diffusers.npz where diffusers' schedulers go, for `test_sampler_oracles`.

    pip install torch diffusers && python tests/diffusion/make_oracle.py

All samplers follow the exact ε of a two-mode Gaussian mixture from the same start, with the linear schedule of
T = 1000. Recorded for each: the start, the times visited, the noise drawn, and the end.
"""

from pathlib import Path

import numpy as np

FILE = Path(__file__).parent / "oracle" / "diffusers.npz"
T, MODES, WIDTH = 1000, (-0.6, 0.5), 0.2
STEPS = (5, 10, 50)


def mixture_eps(x, abar):
    """ε*(x) = -sqrt(1-ᾱ) ∇ log q_t(x) of an even mixture of N(±, WIDTH²); NumPy."""
    var = abar * WIDTH**2 + 1 - abar
    pulls = np.stack([x - np.sqrt(abar) * mode for mode in MODES])
    logits = -(pulls**2) / (2 * var)
    shares = np.exp(logits - logits.max(0))
    shares /= shares.sum(0)
    return np.sqrt(1 - abar) * (shares * pulls).sum(0) / var


def record():
    import diffusers
    import torch

    betas = dict(num_train_timesteps=T, beta_start=1e-4, beta_end=0.02, beta_schedule="linear")
    plain = dict(betas, clip_sample=False)
    multi = dict(betas, solver_order=2, timestep_spacing="trailing", final_sigmas_type="zero")
    schedulers = {
        "ddim-trailing": diffusers.DDIMScheduler(**plain, timestep_spacing="trailing"),
        "ddim-uniform": diffusers.DDIMScheduler(**plain, timestep_spacing="leading"),
        "ddim-linspace": diffusers.DDIMScheduler(**plain, timestep_spacing="linspace"),  # wrong: t_prev = t - T // S
        "ddpm-trailing": diffusers.DDPMScheduler(**plain, timestep_spacing="trailing", variance_type="fixed_small"),
        "dpmpp_2m-trailing": diffusers.DPMSolverMultistepScheduler(**multi, algorithm_type="dpmsolver++"),
        "unipc-trailing": diffusers.UniPCMultistepScheduler(**multi, solver_type="bh2"),
        "heun-trailing": diffusers.HeunDiscreteScheduler(**betas, timestep_spacing="trailing"),
    }
    start = np.random.default_rng(0).normal(size=(1, 64))
    recorded = {"start": start}
    for name, scheduler in schedulers.items():
        for steps in STEPS:
            scheduler.set_timesteps(steps)
            generator = torch.Generator().manual_seed(steps)
            twin = torch.Generator().manual_seed(steps)
            draws = [torch.randn(1, 64, dtype=torch.float64, generator=twin) for _ in range(steps)]
            scale = float(scheduler.init_noise_sigma)
            # In Heun's variables x̂ = x sqrt(1 + σ²), so that N(0, 1) starts at that scale.
            x = torch.tensor(start) * scale
            for t in scheduler.timesteps:
                seen = scheduler.scale_model_input(x, t)
                abar = float(scheduler.alphas_cumprod.double()[int(t)])
                eps = torch.tensor(mixture_eps(seen.numpy(), abar))
                noisy = {"generator": generator} if name.startswith("ddpm") else {}
                x = scheduler.step(eps, t, x, **noisy).prev_sample
            key = f"{name}-{steps}"
            recorded[f"{key}-times"] = np.array([int(t) for t in scheduler.timesteps])
            recorded[f"{key}-scale"] = np.array(scale)
            recorded[f"{key}-noise"] = np.stack(draws) if noisy else np.zeros((steps, 1, 64))
            recorded[f"{key}-end"] = x.numpy()
    FILE.parent.mkdir(exist_ok=True)
    np.savez_compressed(FILE, versions=f"diffusers {diffusers.__version__}, torch {torch.__version__}", **recorded)


if __name__ == "__main__":
    record()
