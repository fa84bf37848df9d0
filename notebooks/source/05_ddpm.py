# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown] lang="en"
# # 5. Denoising diffusion (DDPM)
#
# At the end you will have derived and trained a DDPM, seen inside its chain, and learned what the *perfect* denoiser of
# a data set does: it copies.
#
# **The question.** Notebook 4 walked from noise to an image by common sense. Is there a *probability model* behind such a
# walk, with a likelihood that training raises? [Ho et al. 2020](https://arxiv.org/abs/2006.11239) say yes: spoil the image
# by a chain of tiny Gaussian steps, and learn to undo one step. Equation numbers without a name are theirs.

# %% [markdown] lang="zh-CN"
# # 5. 去噪扩散模型（DDPM）
#
# 读完本篇，你会推导并训练一个 DDPM，看到它的链条内部，并且知道一个数据集的 *完美* 去噪器会做什么：抄。
#
# **问题。** 第 4 篇凭常识从噪声走到了图像。这样的走法背后有没有一个 *概率模型*，有没有训练能提高的似然？
# [Ho et al. 2020](https://arxiv.org/abs/2006.11239) 说有：用一串微小的高斯步破坏图像，再学会撤销其中一步。没有注明出处的公式编号都是他们的。

# %%
DATA = "digits"  # or "mnist", "fashion_mnist", "folder:PATH": any name that `genzoo train --data` takes
SIZE = 16  # pixels a side; None: the set's own
STEPS = 500  # of the training here; more: better pictures
T = 200  # steps of the noise; the package's own weights have 1000
SEED = 0

# %%
import warnings

import matplotlib.pyplot as plt
import numpy as np

import genzoo
from genzoo.data.pixels import to_float, to_uint8
from genzoo.diffusion import formulas, samplers, schedules
from genzoo.diffusion.spacings import time_pairs
from genzoo.evaluation.metrics.bounds import prior_nats
from genzoo.evaluation.metrics.neighbours import nearest_training
from genzoo.models.ddpm import DDPM
from genzoo.networks.blocks import TimeEmbedding
from genzoo.pictures.show import show, show_source, slider
from genzoo.stack import keras, tf

plt.rcParams.update({"figure.dpi": 80, "figure.figsize": (6, 3), "axes.grid": True, "grid.alpha": 0.3})
data = genzoo.load_data(DATA, image_size=SIZE)
train_images, test_images = to_float(data.train_images), to_float(data.test_images[:1000])  # [N, H, W, C] in [-1, 1]
rng = np.random.default_rng(SEED)
schedule = schedules.make_schedule("cosine", T)
eight = test_images[:8]
show(eight, title=f"{data.name}: {len(train_images):,} training images")

# %% [markdown] lang="en"
# ## The forward chain
#
# One step keeps a little less of the image and adds a little noise (eq. 2):
#
# $$q(x_t \mid x_{t-1}) = \mathcal{N}\bigl(\sqrt{1 - \beta_t}\, x_{t-1},\; \beta_t I\bigr).$$
#
# The factor $\sqrt{1-\beta_t}$ keeps the scale: if the pixels of $x_{t-1}$ have variance 1, those of $x_t$ have variance
# $(1 - \beta_t) + \beta_t = 1$ again. The blend of notebook 4 has no such balance.
#
# Nobody walks this chain in training, since all its steps together are one Gaussian. With
# $\bar\alpha_t = \prod_{s \le t} (1 - \beta_s)$ (eq. 4):
#
# $$q(x_t \mid x_0) = \mathcal{N}\bigl(\sqrt{\bar\alpha_t}\, x_0,\; (1 - \bar\alpha_t) I\bigr),
# \qquad x_t = \sqrt{\bar\alpha_t}\, x_0 + \sqrt{1 - \bar\alpha_t}\,\epsilon .$$
#
# *Proof by induction.* Say it holds at $t-1$ with noise $\epsilon'$. Then with fresh noise $z$
#
# $$x_t = \sqrt{1-\beta_t}\,\bigl(\sqrt{\bar\alpha_{t-1}}\,x_0 + \sqrt{1-\bar\alpha_{t-1}}\,\epsilon'\bigr) + \sqrt{\beta_t}\,z .$$
#
# The image has the factor $\sqrt{(1-\beta_t)\,\bar\alpha_{t-1}} = \sqrt{\bar\alpha_t}$. The two noises are independent
# Gaussians, so their variances add up: $(1-\beta_t)(1-\bar\alpha_{t-1}) + \beta_t = 1 - \bar\alpha_t$.
#
# Two warnings about letters. Ho et al. write $\alpha_t$ for $1 - \beta_t$; later papers and our code write `alpha` for
# $\sqrt{\bar\alpha_t}$, the share of the image, and `sigma` for $\sqrt{1-\bar\alpha_t}$, the share of the noise. And
# the code counts $t = 0, \dots, T-1$ where the paper has $1, \dots, T$: the clean image is at $t = -1$.

# %% [markdown] lang="zh-CN"
# ## 前向链
#
# 每一步少保留一点图像，多加一点噪声（式 2）：
#
# $$q(x_t \mid x_{t-1}) = \mathcal{N}\bigl(\sqrt{1 - \beta_t}\, x_{t-1},\; \beta_t I\bigr).$$
#
# 因子 $\sqrt{1-\beta_t}$ 用来保持尺度：如果 $x_{t-1}$ 的像素方差为 1，那么 $x_t$ 的方差又是 $(1 - \beta_t) + \beta_t = 1$。
# 第 4 篇的混合没有这种平衡。
#
# 训练时没有人真的去走这条链，因为所有步合起来就是一个高斯分布。记 $\bar\alpha_t = \prod_{s \le t} (1 - \beta_s)$（式 4）：
#
# $$q(x_t \mid x_0) = \mathcal{N}\bigl(\sqrt{\bar\alpha_t}\, x_0,\; (1 - \bar\alpha_t) I\bigr),
# \qquad x_t = \sqrt{\bar\alpha_t}\, x_0 + \sqrt{1 - \bar\alpha_t}\,\epsilon .$$
#
# *用归纳法证明。* 设它在 $t-1$ 时成立，噪声为 $\epsilon'$。再加上新的噪声 $z$，
#
# $$x_t = \sqrt{1-\beta_t}\,\bigl(\sqrt{\bar\alpha_{t-1}}\,x_0 + \sqrt{1-\bar\alpha_{t-1}}\,\epsilon'\bigr) + \sqrt{\beta_t}\,z .$$
#
# 图像的系数是 $\sqrt{(1-\beta_t)\,\bar\alpha_{t-1}} = \sqrt{\bar\alpha_t}$。两份噪声是独立的高斯变量，方差相加：
# $(1-\beta_t)(1-\bar\alpha_{t-1}) + \beta_t = 1 - \bar\alpha_t$。
#
# 关于记号有两点要当心。Ho et al. 用 $\alpha_t$ 表示 $1 - \beta_t$；后来的论文和我们的代码用 `alpha` 表示图像所占的份额
# $\sqrt{\bar\alpha_t}$，用 `sigma` 表示噪声所占的份额 $\sqrt{1-\bar\alpha_t}$。另外，代码里 $t = 0, \dots, T-1$，
# 论文里是 $1, \dots, T$：干净的图像在 $t = -1$。

# %%
show_source(formulas.q_sample)
times = np.linspace(0, T - 1, 8).round().astype(int)
x, chain = eight, []
for t in range(T):
    beta = schedule.betas[t]
    x = np.sqrt(1 - beta) * x + np.sqrt(beta) * rng.standard_normal(x.shape)
    if t in times:
        chain.append(x[:1])
eps = rng.standard_normal(eight[:1].shape)
jumps = [formulas.q_sample(eight[:1], eps, *schedule.alpha_sigma(t)) for t in times]
names = [f"t={t}" for t in times]
show([np.concatenate(chain), np.concatenate(jumps)], rows=["step by step", "one jump"], labels=names, scale=4)

# %% [markdown] lang="en"
# Above, the image went through every step of the chain; below, each picture is one jump. The noise is different, the
# distribution is the same.

# %% [markdown] lang="zh-CN"
# 上排的图像走过了链条的每一步；下排的每张图都是一次跳跃。噪声不同，分布相同。

# %% tags=["check"]
# @title Check: the chain's mean and variance are those of eq. 4
x = np.full(50_000, 0.7)
for t in range(T):
    x = np.sqrt(1 - schedule.betas[t]) * x + np.sqrt(schedule.betas[t]) * rng.standard_normal(x.shape)
    if t in (0, T // 4, T // 2, T - 1):
        alpha, sigma = schedule.alpha_sigma(t)
        assert abs(x.mean() - alpha * 0.7) < 0.02 and abs(x.std() - sigma) < 0.02, t

# %% [markdown] lang="en"
# ## The schedule, and its signal-to-noise ratio
#
# All that matters of a schedule is how much image is left at $t$. The signal-to-noise ratio says it in one number:
#
# $$\mathrm{SNR}_t = \frac{\bar\alpha_t}{1 - \bar\alpha_t} .$$
#
# `linear` is that of Ho et al., `cosine` that of [Nichol & Dhariwal 2021](https://arxiv.org/abs/2102.09672), eq. 17,
# which spends more steps where the image is half visible.

# %% [markdown] lang="zh-CN"
# ## 噪声调度与信噪比
#
# 一个调度里真正要紧的，只是在 $t$ 时还剩多少图像。信噪比用一个数说明它：
#
# $$\mathrm{SNR}_t = \frac{\bar\alpha_t}{1 - \bar\alpha_t} .$$
#
# `linear` 是 Ho et al. 的，`cosine` 是 [Nichol & Dhariwal 2021](https://arxiv.org/abs/2102.09672) 式 17 的，
# 后者把更多的步花在图像半隐半现的地方。

# %%
show_source(schedules.cosine, schedules.linear)
linear = schedules.make_schedule("linear", T)
with warnings.catch_warnings(record=True) as said:
    warnings.simplefilter("always")
    unscaled = schedules.NoiseSchedule(np.linspace(1e-4, 0.02, 100))
print("Warning:", said[0].message)
fig, (left, right) = plt.subplots(1, 2, figsize=(8, 3))
for name, one, style in (("cosine", schedule, "-"), ("linear", linear, "--"), ("unscaled, T = 100", unscaled, ":")):
    u = np.linspace(0, 1, len(one))
    left.plot(u, one.sqrt_alphas_cumprod, style, label=name, linewidth=2)
    right.plot(u, 2 * one.half_log_snr(np.arange(len(one))), style, linewidth=2)
left.set(xlabel="t / T", ylabel="share of the image")
right.set(xlabel="t / T", ylabel="log SNR")
left.legend()
plt.tight_layout()
plt.show()

# %% [markdown] lang="en"
# ## What goes wrong: T = 100 with the betas of T = 1000
#
# The third line is a frequent mistake. Ho et al. let $\beta$ run from $10^{-4}$ to 0.02 *for* $T = 1000$. Take
# $T = 100$ steps and leave the betas, and the chain stops on its way: $\sqrt{\bar\alpha_T} = 0.603$. Training then never
# sees pure noise, and sampling starts from nothing else. (The remedy is to scale the betas by $1000/T$, as `linear` does, or
# to take a schedule that is defined for any $T$.)

# %% [markdown] lang="zh-CN"
# ## 会出什么错：T = 100 却用 T = 1000 的 beta
#
# 第三条线是一个常见的错误。Ho et al. 让 $\beta$ 从 $10^{-4}$ 走到 0.02，*针对的是* $T = 1000$。如果取 $T = 100$ 步而不改 beta，
# 链条就停在半路：$\sqrt{\bar\alpha_T} = 0.603$。于是训练从来见不到纯噪声，而采样恰恰只从纯噪声出发。（补救的办法是像 `linear`
# 那样把 beta 乘以 $1000/T$，或者换一个对任何 $T$ 都有定义的调度。）

# %%
noise = rng.standard_normal((10, *data.image_shape))
ends = {
    "unscaled: x at the end": formulas.q_sample(test_images[:10], noise, *unscaled.alpha_sigma(99)),
    "cosine: x at the end": formulas.q_sample(test_images[:10], noise, *schedule.alpha_sigma(T - 1)),
    "sampling starts from": rng.standard_normal(noise.shape),
}
show(list(ends.values()), rows=list(ends))
many = rng.standard_normal((500, *data.image_shape))
brightness = {
    name: formulas.q_sample(train_images[:500], many, *one.alpha_sigma(len(one) - 1)).mean((1, 2, 3))
    for name, one in (("unscaled, T = 100", unscaled), ("cosine", schedule))
}
brightness["start of sampling"] = rng.standard_normal(many.shape).mean((1, 2, 3))
for (name, values), style in zip(brightness.items(), ("stepfilled", "step", "step"), strict=True):
    plt.hist(values, 40, histtype=style, label=name, linewidth=2, alpha=0.7)
plt.xlabel("mean brightness of x at the end of the chain")
plt.ylabel("images")
plt.legend()
plt.show()
size = np.prod(data.image_shape)
for name, one in (("unscaled, T = 100", unscaled), ("linear", linear), ("cosine", schedule)):
    nats = prior_nats(one, train_images[:500].astype(np.float64)).mean()
    print(f"{name:18} share of the image at the end {one.terminal_signal:.4f}, distance to N(0, I): {nats:8.4f} nats")

# %% [markdown] lang="en"
# In the first row digits shine through, bright strokes between dark margins: that is what the network was trained on at its last time. The histogram says
# it in numbers: its inputs were as dark as digits are, and noise is not. We come back to what this does to samples,
# when we have a denoiser without faults to try it on.

# %% [markdown] lang="zh-CN"
# 第一行里数字还透得出来，亮的笔画夹在暗的边缘之间：网络在最后一个时刻就是用它们训练的。直方图用数值说明同一件事：它的输入和数字图像一样偏暗，而噪声不是。
# 这会怎样影响样本，等我们有了一个没有缺陷的去噪器再来试。

# %% tags=["check"]
# @title Check: the unscaled schedule ends at 0.603, the others in noise
assert len(said) == 1 and abs(unscaled.terminal_signal - 0.603) < 5e-4
assert linear.terminal_signal < 0.02 and schedule.terminal_signal < 0.02
assert abs(schedules.make_schedule("linear", 1000).terminal_signal - 0.0064) < 1e-4
if DATA == "digits":
    apart = brightness["unscaled, T = 100"].mean() - brightness["start of sampling"].mean()
    assert abs(apart) > 2 * brightness["start of sampling"].std()
assert abs(brightness["cosine"].mean() - brightness["start of sampling"].mean()) < 0.02

# %% [markdown] lang="en"
# ## Back by one step, if the image were known
#
# Where was $x_{t-1}$, given $x_t$ and $x_0$? Bayes' rule, all conditioned on $x_0$, with the two Gaussians from above:
#
# $$q(x_{t-1} \mid x_t, x_0) \propto q(x_t \mid x_{t-1})\; q(x_{t-1} \mid x_0) \propto
# \exp\Bigl(-\frac{\lVert x_t - \sqrt{1-\beta_t}\,x_{t-1} \rVert^2}{2\beta_t}
# - \frac{\lVert x_{t-1} - \sqrt{\bar\alpha_{t-1}}\,x_0 \rVert^2}{2(1-\bar\alpha_{t-1})}\Bigr).$$
#
# The exponent is quadratic in $x_{t-1}$, so this is a Gaussian. Its inverse variance is the factor of
# $-\frac12 \lVert x_{t-1} \rVert^2$:
#
# $$\frac{1}{\tilde\beta_t} = \frac{1-\beta_t}{\beta_t} + \frac{1}{1-\bar\alpha_{t-1}}
# = \frac{(1-\beta_t)(1-\bar\alpha_{t-1}) + \beta_t}{\beta_t (1-\bar\alpha_{t-1})}
# = \frac{1-\bar\alpha_t}{\beta_t(1-\bar\alpha_{t-1})} .$$
#
# Its mean is $\tilde\beta_t$ times the factor of $x_{t-1}$, so (eq. 6 and 7)
#
# $$\tilde\mu_t(x_t, x_0) = \frac{\sqrt{\bar\alpha_{t-1}}\,\beta_t}{1-\bar\alpha_t}\,x_0
# + \frac{\sqrt{1-\beta_t}\,(1-\bar\alpha_{t-1})}{1-\bar\alpha_t}\,x_t,
# \qquad \tilde\beta_t = \frac{1-\bar\alpha_{t-1}}{1-\bar\alpha_t}\,\beta_t .$$
#
# Here it is as the package has it, for any earlier time, and beside it a simulation: of a million chains from $x_0 = 1$
# those that pass near a given $x_t$.

# %% [markdown] lang="zh-CN"
# ## 如果知道图像，怎样退回一步
#
# 给定 $x_t$ 和 $x_0$，$x_{t-1}$ 在哪里？在一切都以 $x_0$ 为条件的前提下用贝叶斯公式，代入上面两个高斯分布：
#
# $$q(x_{t-1} \mid x_t, x_0) \propto q(x_t \mid x_{t-1})\; q(x_{t-1} \mid x_0) \propto
# \exp\Bigl(-\frac{\lVert x_t - \sqrt{1-\beta_t}\,x_{t-1} \rVert^2}{2\beta_t}
# - \frac{\lVert x_{t-1} - \sqrt{\bar\alpha_{t-1}}\,x_0 \rVert^2}{2(1-\bar\alpha_{t-1})}\Bigr).$$
#
# 指数是 $x_{t-1}$ 的二次式，所以这是高斯分布。方差的倒数就是 $-\frac12 \lVert x_{t-1} \rVert^2$ 的系数：
#
# $$\frac{1}{\tilde\beta_t} = \frac{1-\beta_t}{\beta_t} + \frac{1}{1-\bar\alpha_{t-1}}
# = \frac{(1-\beta_t)(1-\bar\alpha_{t-1}) + \beta_t}{\beta_t (1-\bar\alpha_{t-1})}
# = \frac{1-\bar\alpha_t}{\beta_t(1-\bar\alpha_{t-1})} .$$
#
# 均值是 $\tilde\beta_t$ 乘以 $x_{t-1}$ 的一次项系数，于是（式 6 和 7）
#
# $$\tilde\mu_t(x_t, x_0) = \frac{\sqrt{\bar\alpha_{t-1}}\,\beta_t}{1-\bar\alpha_t}\,x_0
# + \frac{\sqrt{1-\beta_t}\,(1-\bar\alpha_{t-1})}{1-\bar\alpha_t}\,x_t,
# \qquad \tilde\beta_t = \frac{1-\bar\alpha_{t-1}}{1-\bar\alpha_t}\,\beta_t .$$
#
# 下面是包里的写法，适用于任何更早的时刻；旁边是模拟：从 $x_0 = 1$ 出发的一百万条链里，经过给定 $x_t$ 附近的那些。

# %%
show_source(formulas.ddpm_step)
few = schedules.make_schedule("cosine", 10)
t, x_t = 5, 0.5
abar_prev, abar = few.alphas_cumprod[t - 1], few.alphas_cumprod[t]
before = formulas.q_sample(1.0, rng.standard_normal(1_000_000), *few.alpha_sigma(t - 1))
after = np.sqrt(1 - few.betas[t]) * before + np.sqrt(few.betas[t]) * rng.standard_normal(before.shape)
passed = before[np.abs(after - x_t) < 0.02]
eps = formulas.eps_from_x0(x_t, 1.0, *few.alpha_sigma(t))
mean = formulas.ddpm_step(1.0, eps, 0.0, abar, abar_prev)
deviation = formulas.ddpm_step(1.0, eps, 1.0, abar, abar_prev) - mean
line = np.linspace(mean - 4 * deviation, mean + 4 * deviation, 200)
plt.hist(passed, 60, density=True, color="#bbbbbb", label=f"{len(passed):,} chains with x_t near {x_t}")
density = np.exp(-(((line - mean) / deviation) ** 2) / 2) / (deviation * np.sqrt(2 * np.pi))
plt.plot(line, density, color="#d95f02", label="eq. 6 and 7")
plt.ylim(0, 1.25 * density.max())
plt.xlabel("the step before, $x_{t-1}$")
plt.legend(loc="upper left")
plt.show()

# %% tags=["check"]
# @title Check: the posterior is that of simulated chains
assert abs(passed.mean() - mean) < 0.02 and abs(passed.std() - deviation) < 0.02
beta = few.betas[t]
assert np.isclose(deviation**2, (1 - abar_prev) / (1 - abar) * beta)
by_hand = np.sqrt(abar_prev) * beta / (1 - abar) + np.sqrt(1 - beta) * (1 - abar_prev) / (1 - abar) * x_t
assert np.isclose(mean, by_hand)

# %% [markdown] lang="en"
# ## The bound, and the simple loss
#
# The model walks backwards: $p(x_T) = \mathcal{N}(0, I)$, then $p_\theta(x_{t-1} \mid x_t)$ down to the image (eq. 1). Its
# likelihood is an integral over all chains that nobody can compute. Put the forward chain $q$ in, and Jensen's
# inequality gives a bound (eq. 3):
#
# $$-\log p_\theta(x_0) = -\log \mathbb{E}_q\frac{p_\theta(x_{0:T})}{q(x_{1:T} \mid x_0)} \le
# \mathbb{E}_q\Bigl[-\log p(x_T) - \sum_{t=1}^{T} \log\frac{p_\theta(x_{t-1} \mid x_t)}{q(x_t \mid x_{t-1})}\Bigr].$$
#
# For $t > 1$ turn the forward steps around. The chain has no memory, so $q(x_t \mid x_{t-1}) = q(x_t \mid x_{t-1}, x_0)$,
# and Bayes' rule makes it $q(x_{t-1} \mid x_t, x_0)\, q(x_t \mid x_0) / q(x_{t-1} \mid x_0)$. In the product over $t$ the last
# two cancel but for $q(x_T \mid x_0)/q(x_1 \mid x_0)$. What is left (eq. 5):
#
# $$\underbrace{D_{\mathrm{KL}}\bigl(q(x_T \mid x_0) \,\Vert\, p(x_T)\bigr)}_{L_T}
# + \sum_{t>1} \mathbb{E}_q \underbrace{D_{\mathrm{KL}}\bigl(q(x_{t-1} \mid x_t, x_0) \,\Vert\, p_\theta(x_{t-1} \mid x_t)\bigr)}_{L_{t-1}}
# \; \underbrace{-\, \mathbb{E}_q \log p_\theta(x_0 \mid x_1)}_{L_0} .$$
#
# $L_T$ has no parameters: it is the distance of the chain's end from noise, the nats printed above. For $L_{t-1}$, let the model guess
# the image, $\hat x_0(x_t, t)$, and use $q(x_{t-1} \mid x_t, \hat x_0)$. Both Gaussians then have the variance
# $\tilde\beta_t$, and the divergence is the squared distance of their means over $2\tilde\beta_t$ (eq. 8). The means differ in
# their $x_0$ only, so with the factor of $x_0$ in $\tilde\mu_t$
#
# $$L_{t-1} = \frac{\bar\alpha_{t-1}\,\beta_t^2}{(1-\bar\alpha_t)^2}\cdot\frac{\lVert x_0 - \hat x_0 \rVert^2}{2\tilde\beta_t}
# = \tfrac12\,(\mathrm{SNR}_{t-1} - \mathrm{SNR}_t)\,\lVert x_0 - \hat x_0 \rVert^2 .$$
#
# (The second form, of [Kingma et al. 2021](https://arxiv.org/abs/2107.00630), follows with
# $\bar\alpha_{t-1}\beta_t = \bar\alpha_{t-1} - \bar\alpha_t$.) So the bound of a DDPM is **a weighted squared error, and nothing
# else**, and by notebook 4 its best $\hat x_0$ is $\mathbb{E}[x_0 \mid x_t]$ whatever the weights.
#
# Given $x_t$, to guess the image is to guess the noise: $x_0 - \hat x_0 = -\frac{\sigma}{\alpha}(\epsilon - \hat\epsilon)$. In
# $\epsilon$ the weight becomes $\frac12(\mathrm{SNR}_{t-1}/\mathrm{SNR}_t - 1) = \frac{\beta_t}{2(1-\beta_t)(1-\bar\alpha_{t-1})}$, which is eq. 12 at $\sigma_t^2 = \tilde\beta_t$. Ho et
# al. leave it out, and train with the simple loss (eq. 14)
#
# $$L_{\mathrm{simple}} = \mathbb{E}_{t, x_0, \epsilon}\, \bigl\lVert \epsilon - \epsilon_\theta(\sqrt{\bar\alpha_t}\,x_0 + \sqrt{1-\bar\alpha_t}\,\epsilon,\; t) \bigr\rVert^2 .$$
#
# That is no bound any more. It pays less for the steps with little noise, where the bound's weight is large and the eye sees nothing.

# %% [markdown] lang="zh-CN"
# ## 变分界与简单损失
#
# 模型倒着走：$p(x_T) = \mathcal{N}(0, I)$，然后是 $p_\theta(x_{t-1} \mid x_t)$，一直到图像（式 1）。它的似然是对所有链的积分，没有人算得出来。
# 把前向链 $q$ 放进去，由詹森不等式得到一个界（式 3）：
#
# $$-\log p_\theta(x_0) = -\log \mathbb{E}_q\frac{p_\theta(x_{0:T})}{q(x_{1:T} \mid x_0)} \le
# \mathbb{E}_q\Bigl[-\log p(x_T) - \sum_{t=1}^{T} \log\frac{p_\theta(x_{t-1} \mid x_t)}{q(x_t \mid x_{t-1})}\Bigr].$$
#
# 对 $t > 1$，把前向的一步反过来写。链没有记忆，所以 $q(x_t \mid x_{t-1}) = q(x_t \mid x_{t-1}, x_0)$，
# 再由贝叶斯公式变成 $q(x_{t-1} \mid x_t, x_0)\, q(x_t \mid x_0) / q(x_{t-1} \mid x_0)$。对 $t$ 连乘时，后两项逐个约去，只剩
# $q(x_T \mid x_0)/q(x_1 \mid x_0)$。最后得到（式 5）：
#
# $$\underbrace{D_{\mathrm{KL}}\bigl(q(x_T \mid x_0) \,\Vert\, p(x_T)\bigr)}_{L_T}
# + \sum_{t>1} \mathbb{E}_q \underbrace{D_{\mathrm{KL}}\bigl(q(x_{t-1} \mid x_t, x_0) \,\Vert\, p_\theta(x_{t-1} \mid x_t)\bigr)}_{L_{t-1}}
# \; \underbrace{-\, \mathbb{E}_q \log p_\theta(x_0 \mid x_1)}_{L_0} .$$
#
# $L_T$ 没有参数：它是链的末端与噪声的距离，就是上面打印的 nats。对于 $L_{t-1}$，让模型猜图像 $\hat x_0(x_t, t)$，并采用
# $q(x_{t-1} \mid x_t, \hat x_0)$。这样两个高斯分布的方差都是 $\tilde\beta_t$，散度就是两个均值的距离平方除以 $2\tilde\beta_t$（式 8）。
# 两个均值只在 $x_0$ 上不同，代入 $\tilde\mu_t$ 中 $x_0$ 的系数：
#
# $$L_{t-1} = \frac{\bar\alpha_{t-1}\,\beta_t^2}{(1-\bar\alpha_t)^2}\cdot\frac{\lVert x_0 - \hat x_0 \rVert^2}{2\tilde\beta_t}
# = \tfrac12\,(\mathrm{SNR}_{t-1} - \mathrm{SNR}_t)\,\lVert x_0 - \hat x_0 \rVert^2 .$$
#
# （第二种形式出自 [Kingma et al. 2021](https://arxiv.org/abs/2107.00630)，由 $\bar\alpha_{t-1}\beta_t = \bar\alpha_{t-1} - \bar\alpha_t$
# 得到。）所以 DDPM 的变分界就是 **加权的平方误差，别无其他**；而按第 4 篇，无论权重如何，最好的 $\hat x_0$ 都是 $\mathbb{E}[x_0 \mid x_t]$。
#
# 给定 $x_t$，猜图像就是猜噪声：$x_0 - \hat x_0 = -\frac{\sigma}{\alpha}(\epsilon - \hat\epsilon)$。换成 $\epsilon$，权重变为
# $\frac12(\mathrm{SNR}_{t-1}/\mathrm{SNR}_t - 1) = \frac{\beta_t}{2(1-\beta_t)(1-\bar\alpha_{t-1})}$，这正是 $\sigma_t^2 = \tilde\beta_t$ 时的式 12。
# Ho et al. 去掉了它，用简单损失训练（式 14）：
#
# $$L_{\mathrm{simple}} = \mathbb{E}_{t, x_0, \epsilon}\, \bigl\lVert \epsilon - \epsilon_\theta(\sqrt{\bar\alpha_t}\,x_0 + \sqrt{1-\bar\alpha_t}\,\epsilon,\; t) \bigr\rVert^2 .$$
#
# 它不再是一个界。它少计较噪声很小的那些步：在那里界的权重很大，眼睛却什么也看不出来。

# %% [markdown] lang="en"
# ## What the network should give: noise, image or velocity
#
# Given $x_t = \alpha x_0 + \sigma\epsilon$, each of the two fixes the other, and there is a third:
# $v = \alpha\,\epsilon - \sigma\,x_0$ ([Salimans & Ho 2022](https://arxiv.org/abs/2202.00512), appendix D). As $\alpha^2 + \sigma^2 = 1$, write
# $\alpha = \cos\varphi$, $\sigma = \sin\varphi$. Then $(x_t, v)$ is $(x_0, \epsilon)$ turned by the angle $\varphi$, and $v = dx_t/d\varphi$ is the
# velocity of $x_t$. Turn back and you have
#
# $$x_0 = \alpha\,x_t - \sigma\,v, \qquad \epsilon = \sigma\,x_t + \alpha\,v .$$
#
# The three errors differ by a factor only. From $\sigma(\epsilon - \hat\epsilon) = -\alpha(x_0 - \hat x_0)$ and
# $v - \hat v = -(x_0 - \hat x_0)/\sigma$:
#
# $$\lVert \epsilon - \hat\epsilon \rVert^2 = \mathrm{SNR}_t\,\lVert x_0 - \hat x_0 \rVert^2, \qquad
# \lVert v - \hat v \rVert^2 = (\mathrm{SNR}_t + 1)\,\lVert x_0 - \hat x_0 \rVert^2 .$$
#
# So the choice is one of *weights*. At the noisy end it matters most: there $\epsilon$ is nearly $x_t$ itself, a network that
# gives $\epsilon$ learns next to nothing about the image, and $\hat x_0 = (x_t - \sigma\hat\epsilon)/\alpha$ divides its error
# by an $\alpha$ near 0. $v$ asks for the image there and for the noise at the other end. It is the package's default.

# %% [markdown] lang="zh-CN"
# ## 网络该给出什么：噪声、图像还是速度
#
# 给定 $x_t = \alpha x_0 + \sigma\epsilon$，两者知其一便知其二；还有第三种选择：
# $v = \alpha\,\epsilon - \sigma\,x_0$（[Salimans & Ho 2022](https://arxiv.org/abs/2202.00512) 附录 D）。因为 $\alpha^2 + \sigma^2 = 1$，记
# $\alpha = \cos\varphi$，$\sigma = \sin\varphi$。那么 $(x_t, v)$ 就是把 $(x_0, \epsilon)$ 旋转角度 $\varphi$，而 $v = dx_t/d\varphi$ 是
# $x_t$ 的速度。转回来便得
#
# $$x_0 = \alpha\,x_t - \sigma\,v, \qquad \epsilon = \sigma\,x_t + \alpha\,v .$$
#
# 三种误差只差一个因子。由 $\sigma(\epsilon - \hat\epsilon) = -\alpha(x_0 - \hat x_0)$ 和 $v - \hat v = -(x_0 - \hat x_0)/\sigma$：
#
# $$\lVert \epsilon - \hat\epsilon \rVert^2 = \mathrm{SNR}_t\,\lVert x_0 - \hat x_0 \rVert^2, \qquad
# \lVert v - \hat v \rVert^2 = (\mathrm{SNR}_t + 1)\,\lVert x_0 - \hat x_0 \rVert^2 .$$
#
# 所以选择的只是 *权重*。在噪声大的一端它最要紧：那里 $\epsilon$ 几乎就是 $x_t$ 本身，给出 $\epsilon$ 的网络对图像几乎学不到什么，而
# $\hat x_0 = (x_t - \sigma\hat\epsilon)/\alpha$ 又把误差除以接近 0 的 $\alpha$。$v$ 在那一端要的是图像，在另一端要的是噪声。它是包里的默认选择。

# %%
show_source(formulas.target, formulas.x0_from)
t = np.arange(T)
snr = schedule.alphas_cumprod / (1 - schedule.alphas_cumprod)
weights = {
    "the bound (eq. 5)": (np.append(np.nan, snr[:-1]) - snr) / 2,
    "noise (eq. 14)": snr,
    "velocity": snr + 1,
    "image": np.ones(T),
}
for (name, weight), style in zip(weights.items(), ("-", "--", "-.", ":"), strict=True):
    plt.semilogy(t, weight, style, label=name, linewidth=2)
plt.ylim(1e-5, 1e5)
plt.xlabel("t")
plt.ylabel("weight of the squared error in $x_0$")
plt.legend()
plt.show()

# %% [markdown] lang="en"
# All weights are on one and the same squared error, that of the image. Those of noise and bound fall by many orders of
# magnitude; velocity never falls below 1.

# %% [markdown] lang="zh-CN"
# 所有的权重都加在同一个平方误差上，即图像的误差。噪声和变分界的权重下降许多个数量级；速度的权重从不低于 1。

# %% tags=["check"]
# @title Check: conversions, the three errors, and the weight of the bound
x_0, eps, guess = rng.standard_normal((3, 1000))
for t_ in (1, T // 2, T - 2):
    alpha, sigma = schedule.alpha_sigma(t_)
    x_t = formulas.q_sample(x_0, eps, alpha, sigma)
    for kind in ("eps", "x0", "v"):
        assert np.allclose(
            formulas.x0_from(kind, formulas.target(kind, x_0, eps, alpha, sigma), x_t, alpha, sigma), x_0
        )
    v = formulas.target("v", x_0, eps, alpha, sigma)
    assert np.allclose(sigma * x_t + alpha * v, eps)
    eps_guess = formulas.eps_from_x0(x_t, guess, alpha, sigma)
    v_guess = formulas.target("v", guess, eps_guess, alpha, sigma)
    error = np.square(x_0 - guess)
    assert np.allclose(np.square(eps - eps_guess), snr[t_] * error)
    assert np.allclose(np.square(v - v_guess), (snr[t_] + 1) * error)
    abar, abar_prev, beta = schedule.alphas_cumprod[t_], schedule.alphas_cumprod[t_ - 1], schedule.betas[t_]
    step = [
        formulas.ddpm_step(image, formulas.eps_from_x0(x_t, image, alpha, sigma), 0, abar, abar_prev)
        for image in (x_0, guess)
    ]
    nats = np.square(step[0] - step[1]) / (2 * beta * (1 - abar_prev) / (1 - abar))
    assert np.allclose(nats, weights["the bound (eq. 5)"][t_] * error)
    assert np.isclose((snr[t_ - 1] / snr[t_] - 1) / 2, beta / (2 * (1 - beta) * (1 - abar_prev)))

# %% [markdown] lang="en"
# ## How the network is told the time
#
# A raw integer $t$ is a poor input: one number that runs up to 1000 swamps a layer made for numbers around 1, and a
# dense layer can only scale it. Sinusoids ([Vaswani et al. 2017](https://arxiv.org/abs/1706.03762), section 3.5) spread it over many
# frequencies: the fast ones tell neighbours apart, the slow ones early from late, and the length of the vector never
# changes, as $\sin^2 + \cos^2 = 1$. The package scales $t$ to $0 \dots 1000$ for any $T$.

# %% [markdown] lang="zh-CN"
# ## 怎样把时间告诉网络
#
# 直接输入整数 $t$ 并不好：一个大到 1000 的数会压倒为 1 左右的数而设的层，而一个全连接层只能把它缩放。正弦函数
# （[Vaswani et al. 2017](https://arxiv.org/abs/1706.03762) 3.5 节）把它摊到许多频率上：快的分得清相邻的时刻，慢的分得清早晚；
# 并且由于 $\sin^2 + \cos^2 = 1$，向量的长度始终不变。对任何 $T$，包都把 $t$ 换算到 $0 \dots 1000$。

# %%
show_source(TimeEmbedding)
t = np.arange(0, 1000, 5)
rates = np.exp(-np.log(10000) * np.arange(64) / 64)
waves = np.concatenate([np.sin(t[:, None] * rates), np.cos(t[:, None] * rates)], axis=1)
fig, (left, right) = plt.subplots(1, 2, figsize=(8, 2.8))
left.imshow(waves.T, aspect="auto", cmap="RdBu", extent=(0, 1000, 128, 0))
left.set(xlabel="time", ylabel="sine | cosine of 64 rates")
right.plot(t, waves @ waves[100] / 64, label="sinusoids")
right.set(xlabel="time", ylabel="cosine to time 500")
plt.tight_layout()
plt.show()

# %% tags=["check"]
# @title Check: all times have vectors of one length, and each is most like itself
assert np.allclose(np.linalg.norm(waves, axis=1), 8)
assert ((waves @ waves.T).argmax(1) == np.arange(len(t))).all()

# %% [markdown] lang="en"
# ## Training
#
# `loss_terms` is eq. 14 with a choice of target. Times are spread evenly over each batch, which makes the loss steadier.

# %% [markdown] lang="zh-CN"
# ## 训练
#
# `loss_terms` 就是式 14，只是目标可以选择。每一批里的时刻均匀铺开，损失因此更平稳。

# %%
show_source(DDPM.loss_terms)


def train(model, steps=STEPS, batch_size=32, peak=2e-3):
    """Returns the mean loss of each epoch."""
    rate = keras.optimizers.schedules.CosineDecay(peak, steps)
    model.compile(optimizer=keras.optimizers.Adam(rate))
    losses, per_epoch = [], data.steps_per_epoch(batch_size)
    for done in range(0, steps, per_epoch):
        batches = data.train_batches(batch_size, seed=SEED, epoch=done // per_epoch).take(steps - done)
        losses += model.fit(batches, shuffle=False, verbose=0).history["loss"]
    return losses


keras.utils.set_random_seed(SEED)
model = genzoo.build("ddpm", image_shape=data.image_shape, diffusion_steps=T, clusters=0, widths=(32, 64))
losses = train(model)
plt.figure(figsize=(5, 2.2))
plt.plot(losses, "o-")
plt.xlabel("epoch")
plt.ylabel("squared error of v, a pixel")
plt.show()


# %%
@tf.function(reduce_retracing=True)
def _guess(x, t):
    labels = tf.zeros_like(t)
    return model.ema(x, model.network_time(t), labels)


def guess(x, t):
    """The network's prediction of the images behind x at time t."""
    output = _guess(tf.constant(x, tf.float32), tf.fill([len(x)], int(t))).numpy()
    return formulas.x0_from("v", output, x, *schedule.alpha_sigma(t))


some = np.unique(np.append(np.geomspace(1, T, 7), np.linspace(T / 8, T, 8)).round().astype(int)) - 1
x_0 = test_images[:256].astype(np.float64)
eps = rng.standard_normal(x_0.shape)
image_error = np.array(
    [np.square(x_0 - guess(formulas.q_sample(x_0, eps, *schedule.alpha_sigma(t)), t)).mean() for t in some]
)
for name, factor, style in (("image", 1, ":"), ("noise", snr[some], "--"), ("velocity", snr[some] + 1, "-")):
    plt.semilogy(some, image_error * factor, style, marker="o", markersize=4, label=name)
plt.axhline(np.square(x_0 - train_images.mean(0)).mean(), color="k", linewidth=1, label="variance of the images")
plt.xlabel("t")
plt.ylabel("squared error a pixel")
plt.legend()
plt.show()

# %% [markdown] lang="en"
# One network, one set of guesses, three scales. The image's error grows with the noise, up to the variance of the images: at the
# end nothing can be known. The noise's error falls just there, for the trivial reason that $x_t$ is nearly all noise. A
# mean over $t$ of these curves hides both, so a training loss says little about the samples.

# %% [markdown] lang="zh-CN"
# 同一个网络，同一批猜测，三种尺度。图像的误差随噪声增大，直到图像本身的方差：到了尽头，什么也无从知道。噪声的误差恰恰在那里下降，
# 原因平淡无奇：$x_t$ 几乎全是噪声。对 $t$ 取平均会把这两点都掩盖，所以训练损失说明不了多少样本的好坏。

# %% tags=["check"]
# @title Check: loss against t
variance = np.square(x_0 - train_images.mean(0)).mean()
assert image_error[0] < 0.05 * image_error[-1]
assert (image_error * snr[some])[-1] < 0.1 * (image_error * snr[some])[0]
assert image_error[-1] < 1.3 * variance
assert losses[-1] < 0.7 * losses[0]

# %% [markdown] lang="en"
# ## Along the chain
#
# Sampling walks back: guess the image, take a step of eq. 6 and 7 with the guess in place of $x_0$, add fresh noise. `walk`
# yields what the network read, what it guessed, and where the step led. *Predict, then run:* when is it decided
# which digit it becomes?

# %% [markdown] lang="zh-CN"
# ## 沿着链条
#
# 采样就是往回走：猜出图像，用猜测代替 $x_0$ 按式 6 和 7 走一步，加上新的噪声。`walk` 依次给出网络读到的、猜到的，以及这一步走到的地方。
# *先预测，再运行：* 它会变成哪个数字，是什么时候决定的？

# %% tags=["cover"]
plan = model.plan(sampler="ddpm", steps=T)
start = model.start(10, seed=SEED)
path = list(model.walk(start, plan, labels=np.zeros(10), seed=SEED, frames=6))
ends = np.cumsum([len(part) for part in np.array_split(np.arange(T), 6)])
two = [np.asarray(images) for x, x_0, _ in path[:-1] for images in (x, x_0)]
names = [name for end in ends[:-1] for name in ("x", f"guess, step {end}")]
show(
    [*two, path[-1][2]],
    rows=[*names, f"end, step {T}"],
    title=f"{T} steps: what was read some steps ago, and the guess now",
)

# %% [markdown] lang="en"
# The first guesses are clouds; soon they become digits, while $x$ still looks like noise. From the middle on the digit
# stands and only its edges change.

# %% [markdown] lang="zh-CN"
# 最初的猜测是一团团灰影，很快变成数字，而此时 $x$ 看上去仍是噪声。从中段起数字已定，变的只是边缘。

# %% [markdown] lang="en"
# ## The perfect denoiser of a data set
#
# The best guess is $\mathbb{E}[x_0 \mid x_t]$. For a data set of $N$ images one can simply compute it. If $x_0$ is one of
# the images $y_1, \dots, y_N$, each as likely as the others, Bayes' rule gives
#
# $$P(x_0 = y_i \mid x_t) = \frac{\mathcal{N}(x_t;\, \alpha y_i, \sigma^2 I)}{\sum_j \mathcal{N}(x_t;\, \alpha y_j, \sigma^2 I)}
# = \operatorname{softmax}_i\Bigl(-\frac{\lVert x_t - \alpha y_i \rVert^2}{2\sigma^2}\Bigr),$$
#
# since the constants in front of the Gaussians are equal and cancel. So
#
# $$\hat x_0^{\,*}(x_t, t) = \sum_i \operatorname{softmax}_i\Bigl(-\frac{\lVert x_t - \alpha y_i \rVert^2}{2\sigma^2}\Bigr)\, y_i :$$
#
# a mean of the training images, weighted by how near they are ([Karras et al. 2022](https://arxiv.org/abs/2206.00364), appendix B.3). **No
# network can have a lower training loss.** *Predict, then run:* what will it draw?

# %% [markdown] lang="zh-CN"
# ## 一个数据集的完美去噪器
#
# 最好的猜测是 $\mathbb{E}[x_0 \mid x_t]$。对于 $N$ 张图像的数据集，它可以直接算出来。如果 $x_0$ 是图像 $y_1, \dots, y_N$ 之一，
# 机会均等，由贝叶斯公式
#
# $$P(x_0 = y_i \mid x_t) = \frac{\mathcal{N}(x_t;\, \alpha y_i, \sigma^2 I)}{\sum_j \mathcal{N}(x_t;\, \alpha y_j, \sigma^2 I)}
# = \operatorname{softmax}_i\Bigl(-\frac{\lVert x_t - \alpha y_i \rVert^2}{2\sigma^2}\Bigr),$$
#
# 因为各个高斯分布前面的常数相等，约掉了。所以
#
# $$\hat x_0^{\,*}(x_t, t) = \sum_i \operatorname{softmax}_i\Bigl(-\frac{\lVert x_t - \alpha y_i \rVert^2}{2\sigma^2}\Bigr)\, y_i :$$
#
# 训练图像按远近加权的平均（[Karras et al. 2022](https://arxiv.org/abs/2206.00364) 附录 B.3）。**没有哪个网络的训练损失能比它更低。**
# *先预测，再运行：* 它会画出什么？

# %%
known = train_images[:1500].reshape(len(train_images[:1500]), -1).astype(np.float64)
squares = np.square(known).sum(1)


def exact(x, alpha, sigma):
    """E[x_0 | x_t] for the images `known`."""
    flat = x.reshape(len(x), -1)
    logits = (
        alpha * flat @ known.T - alpha**2 * squares / 2
    ) / sigma**2  # -|x - αy|²/2σ² but for what i does not change
    shares = np.exp(logits - logits.max(1, keepdims=True))
    return (shares / shares.sum(1, keepdims=True) @ known).reshape(x.shape)


def ancestral(n, schedule, rng):
    """Samples of the perfect denoiser: the steps that `walk` takes."""
    table = samplers.table("ddpm", schedule, time_pairs(schedule, len(schedule)))
    x = rng.standard_normal((n, *data.image_shape))
    for t, x0_weights, eps_weights, fresh in zip(
        table.t, table.x0_weights, table.eps_weights, table.fresh, strict=True
    ):
        shares = schedule.alpha_sigma(t)
        x_0 = exact(x, *shares)
        eps = formulas.eps_from_x0(x, x_0, *shares)
        x = x0_weights[0] * x_0 + eps_weights[0] * eps + fresh * rng.standard_normal(x.shape)
    return x


def nearest(images):
    """The training image nearest to each."""
    flat = np.asarray(images).reshape(len(images), -1)
    return train_images[[np.square(train_images.reshape(len(train_images), -1) - one).sum(1).argmin() for one in flat]]


perfect = ancestral(200, schedule, np.random.default_rng(SEED))
learned = model.sample(100, seed=SEED, sampler="ddpm", steps=T)
rows = {
    "perfect denoiser": perfect[:12],
    "nearest training image": nearest(perfect[:12]),
    "network": learned[:12],
    "its nearest": nearest(learned[:12]),
}
show(list(rows.values()), rows=list(rows), columns=12)

# %%
native = data.native_shape
found = {
    "perfect denoiser": nearest_training(to_uint8(perfect, native), data.train_images),
    "network": nearest_training(to_uint8(learned, native), data.train_images),
    "test images": nearest_training(data.test_images[:200], data.train_images),
}
bins = np.linspace(0, max(distance.max() for distance, _ in found.values()), 40)
for (name, (distance, copied)), color in zip(found.items(), ("#d95f02", "#7570b3", "#1b9e77"), strict=True):
    plt.hist(distance, bins, histtype="step", linewidth=2, color=color, label=name)
    print(
        f"{name:16} median distance to the nearest training image {np.median(distance):.3f}, near copies {copied.mean():.0%}"
    )
plt.xlabel("distance to the nearest training image")
plt.ylabel("images")
plt.legend()
plt.show()
print("squared error, a pixel      training images        test images")
print("   t   share of the image   perfect   network    perfect   network")
errors = {}
for t in (T // 12, T // 4, T // 2, 3 * T // 4):
    shares = schedule.alpha_sigma(t)
    row = []
    for images in (train_images[:256], test_images[:256]):
        x_0 = images.astype(np.float64)
        x = formulas.q_sample(x_0, rng.standard_normal(x_0.shape), *shares)
        row += [np.square(x_0 - exact(x, *shares)).mean(), np.square(x_0 - guess(x, t)).mean()]
    errors[t] = row
    print(f"{t:4}   {shares[0]:18.2f}   {row[0]:7.4f}   {row[1]:7.4f}    {row[2]:7.4f}   {row[3]:7.4f}")

# %% [markdown] lang="en"
# The perfect denoiser draws training images, to the last pixel: it cannot do otherwise, as at the end of the walk $\sigma$ is small
# and the softmax picks one. On training images it beats the network at every time. On *test* images the network wins where
# there is little noise, for the perfect denoiser answers with the nearest training image, and that is another one.
# (To be far from the training images is no merit in itself, and after so short a training it is clumsiness too. The mark to reach is that of test images.)
#
# So a diffusion model generates something new only because its network **fails** to reach the minimum of its training loss: it has
# too few weights and too little time to store the images, and what a convolutional network finds instead are strokes and shapes that it
# can put together anew ([Kamb & Ganguli 2024](https://arxiv.org/abs/2412.20292); [Kadkhodaie et al. 2024](https://arxiv.org/abs/2310.02557)). Train a large
# network long enough on few images, and it copies too ([Carlini et al. 2023](https://arxiv.org/abs/2301.13188)). `genzoo evaluate` therefore
# measures the distances of this histogram for every model.

# %% [markdown] lang="zh-CN"
# 完美去噪器画出的就是训练图像，一个像素也不差：它别无选择，因为走到最后 $\sigma$ 很小，softmax 只挑出一张。在训练图像上，它在每个时刻都胜过网络。
# 在 *测试* 图像上，噪声小的时候是网络胜出：完美去噪器答的是最近的训练图像，而那是另一张。
# （离训练图像远本身不算优点，训练这么短，也有画得笨拙的缘故。该达到的是测试图像的距离。）
#
# 所以扩散模型之所以能生成新的东西，正是因为网络 **没能** 达到训练损失的最小值：它的权重太少、时间太短，存不下这些图像；卷积网络找到的是笔画和形状，
# 并能把它们重新组合（[Kamb & Ganguli 2024](https://arxiv.org/abs/2412.20292);[Kadkhodaie et al. 2024](https://arxiv.org/abs/2310.02557)）。
# 用很少的图像把一个大网络训练得足够久，它也会抄（[Carlini et al. 2023](https://arxiv.org/abs/2301.13188)）。因此 `genzoo evaluate`
# 会对每个模型测量这张直方图里的距离。

# %% tags=["check"]
# @title Check: the perfect denoiser copies, the network does not; which of them is better where
assert np.median(found["perfect denoiser"][0]) < 0.01 and found["perfect denoiser"][1].mean() > 0.9
assert np.median(found["network"][0]) > 5 * np.median(found["perfect denoiser"][0])
assert all(row[0] < row[1] for row in errors.values())
if DATA == "digits" and STEPS >= 400:
    assert found["network"][1].mean() < 0.2
    low = min(errors)
    assert errors[low][3] < errors[low][2]

# %% [markdown] lang="en"
# ## The wrong schedule again, with a perfect denoiser
#
# Now we can ask what the unscaled betas do to samples, with no training to blame: both walks below use the exact
# denoiser and differ in the schedule alone.

# %% [markdown] lang="zh-CN"
# ## 再看错误的调度，这回用完美去噪器
#
# 现在可以问：没有缩放的 beta 会怎样影响样本？这一次不能怪训练：下面两次行走都用精确的去噪器，只有调度不同。

# %%
hundred = schedules.make_schedule("cosine", 100)
drawn = {
    "cosine, T = 100": ancestral(400, hundred, np.random.default_rng(SEED)),
    "unscaled, T = 100": ancestral(400, unscaled, np.random.default_rng(SEED)),
}
show([x[:16] for x in drawn.values()], rows=list(drawn), columns=16)


def shares_of_labels(x):
    """How often each label is drawn: that of the training image that a sample is."""
    found = [np.square(known - one).sum(1).argmin() for one in x.reshape(len(x), -1)]
    return np.bincount(data.train_labels[: len(known)][found], minlength=max(1, data.num_classes)) / len(x)


labels = np.arange(max(1, data.num_classes))
truth = np.bincount(data.train_labels[: len(known)], minlength=len(labels)) / len(known)
shares = {name: shares_of_labels(x) for name, x in drawn.items()}
for k, (name, share) in enumerate({"training images": truth, **shares}.items()):
    plt.bar(labels + 0.27 * (k - 1), share, 0.27, label=name, color=("#bbbbbb", "#7570b3", "#d95f02")[k])
plt.xticks(labels)
plt.xlabel("label")
plt.ylabel("share of 400 samples")
plt.legend()
plt.show()
sizes = {"training images": np.square(known).mean(1)} | {
    name: np.square(x).mean((1, 2, 3)) for name, x in drawn.items()
}
for name, values in sizes.items():
    print(
        f"{name:18} mean square of a pixel {values.mean():.3f} ± {values.std() / len(values) ** 0.5:.3f} (standard error)"
    )

# %% [markdown] lang="en"
# Each picture is a real training image, and yet the second row is a wrong *choice* of them: some digits are hardly ever drawn, others far too often. The formula of the
# perfect denoiser says why. Its softmax is over $(\alpha \langle x_t, y_i \rangle - \alpha^2 \lVert y_i \rVert^2 / 2)/\sigma^2$ (the term $\lVert x_t \rVert^2$ is the same for all). Where $x_t$ really
# comes from an image, the first part pays that image's size back. From pure noise it does not, and with $\alpha = 0.603$ images of small $\lVert y_i \rVert^2$ win: those
# with many grey pixels, for grey is 0. The printed mean square is too small by many standard errors. With a network and natural images the same fault keeps samples from ever being very dark or
# very bright ([Lin et al. 2023](https://arxiv.org/abs/2305.08891)).

# %% [markdown] lang="zh-CN"
# 每一张都是真实的训练图像，但第二行 *选* 错了：有的数字几乎从不出现，有的又太多。完美去噪器的公式说明了原因。它的 softmax 是对
# $(\alpha \langle x_t, y_i \rangle - \alpha^2 \lVert y_i \rVert^2 / 2)/\sigma^2$ 取的（其中 $\lVert x_t \rVert^2$ 一项对所有图像相同）。如果 $x_t$ 真的来自某张图像，
# 前一部分会补偿那张图像的大小。纯噪声却不会，于是在 $\alpha = 0.603$ 时，$\lVert y_i \rVert^2$ 小的图像胜出：灰色像素多的那些，因为灰就是 0。打印出的均方值偏小了许多个标准误差。
# 对于网络和自然图像，同样的毛病使样本永远不会很暗或很亮（[Lin et al. 2023](https://arxiv.org/abs/2305.08891)）。

# %% tags=["check"]
# @title Check: the right schedule draws the data's distribution, the wrong one does not
reality = sizes["training images"]
error = reality.std() / 400**0.5
assert abs(sizes["cosine, T = 100"].mean() - reality.mean()) < 4 * error
assert reality.mean() - sizes["unscaled, T = 100"].mean() > 4 * error
if DATA == "digits":
    off = {name: np.abs(share - truth).sum() / 2 for name, share in shares.items()}
    assert off["cosine, T = 100"] < 0.12 < off["unscaled, T = 100"], off

# %% [markdown] lang="en"
# ## What longer training gives, and its invented labels
#
# The package brings a `ddpm` trained on MNIST for five minutes. **It is not quite the DDPM of the paper**, and you should know how it
# differs. Before training, k-means sorts the training images into 50 groups of like images; the network is told the number of an image's
# group, in one case of ten nothing, and sampling draws a group and leans towards it by guidance (notebook 6; the idea is
# [Hu et al. 2023](https://arxiv.org/abs/2210.06462)). No person's label is used. But it is more than an unconditional model knows, and it improves
# the samples: compare it with models that have the same, or set `guidance=0`. `--clusters 0` trains the paper's model.

# %% [markdown] lang="zh-CN"
# ## 更长的训练带来什么，以及它自造的标签
#
# 包里带有一个在 MNIST 上训练了五分钟的 `ddpm`。**它并不完全是论文里的 DDPM**，你应当知道差别在哪里。训练之前，k-means 把训练图像按相似程度分成
# 50 组；网络会被告知图像所在的组号（十次里有一次什么也不说），采样时先抽一个组，再用引导偏向它（第 6 篇；想法来自
# [Hu et al. 2023](https://arxiv.org/abs/2210.06462)）。没有用到任何人工标签。但这毕竟比无条件模型知道得多，样本也因此更好：要么拿它与条件相同的模型相比，要么令
# `guidance=0`。`--clusters 0` 训练的是论文里的模型。

# %%
zoo = genzoo.load("zoo:ddpm-mnist")
settings = {"guidance 0": 0.0, "guidance 1": 1.0, "guidance 3": 3.0}
longer = {name: zoo.sample(14, seed=SEED, guidance=scale) for name, scale in settings.items()}
show(list(longer.values()), rows=list(longer), columns=14, scale=2)
largest = np.argsort(-np.asarray(zoo.cluster_shares))[:14]
show(np.asarray(zoo.cluster_centres)[largest], columns=14, scale=2, title="the means of its 14 largest groups")
for name, scale in settings.items():
    print(f"{name}: {zoo.evaluations(guidance=scale)} network evaluations an image")

# %% [markdown] lang="en"
# With guidance 0 the network does not know its group; with 1 it does; with 3 it leans. The group means show what it is told:
# little more than a digit's shape and slant.

# %% [markdown] lang="zh-CN"
# 引导为 0 时网络不知道自己的组；为 1 时知道；为 3 时偏向它。从各组的平均可以看出它被告知了什么：不过是数字的形状和倾斜程度。

# %%
shapes = zoo.sample(10, seed=SEED)
mist = rng.standard_normal(shapes.shape).astype("float32")


@tf.function(reduce_retracing=True)
def _zoo(x, t):
    return zoo.ema(x, zoo.network_time(t), tf.fill(tf.shape(t), zoo.label_count))


def draw(t):
    alpha, sigma = (share.astype("float32") for share in zoo.schedule.alpha_sigma(t))
    x = formulas.q_sample(shapes, mist, alpha, sigma)
    output = _zoo(tf.constant(x), tf.fill([len(x)], t)).numpy()
    show([x, formulas.x0_from("v", output, x, alpha, sigma)], rows=["x", "guess"], scale=2)


slider(draw, "t", list(range(0, 1000, 111)), 444)

# %% [markdown] lang="en"
# Move $t$: at 333 the guess is right but for details, at 666 it is blurred where the noise hides too much, and at the end it is
# the cloud of notebook 4.
#
# ## Exercises
#
# 1. The variance of a reverse step may be $\tilde\beta_t$ (`fixed_small`) or $\beta_t$ (`fixed_large`). Ho et al. (section 3.2) say that the
# first is right if the data are a single point, the second if they are $\mathcal{N}(0, I)$. Show it by simulation in one dimension.
# 2. With $T = 100$ and $\beta$ running linearly from $10^{-4}s$ to $0.02s$: how large must $s$ be for $\sqrt{\bar\alpha_T} \le 0.02$? Estimate it with
# $\log(1-\beta) \approx -\beta$ first, then compute it.

# %% [markdown] lang="zh-CN"
# 移动 $t$：在 333 处，除了细节，猜测是对的；在 666 处，噪声遮得太多的地方变得模糊；到最后就是第 4 篇里的那团灰影。
#
# ## 练习
#
# 1. 反向一步的方差可以取 $\tilde\beta_t$（`fixed_small`）或 $\beta_t$（`fixed_large`）。Ho et al.（3.2 节）说：如果数据只是一个点，前者正确；
# 如果数据服从 $\mathcal{N}(0, I)$，后者正确。请在一维情形下用模拟来说明。
# 2. 设 $T = 100$，$\beta$ 从 $10^{-4}s$ 线性增加到 $0.02s$：要使 $\sqrt{\bar\alpha_T} \le 0.02$，$s$ 至少多大？先用
# $\log(1-\beta) \approx -\beta$ 估算，再算出来。

# %% tags=["solution"]
# @title Solution: 1, the variance of a step back
t = 5
alpha, sigma = few.alpha_sigma(t - 1)
for name, x_0 in {"a single point": np.ones(1_000_000), "N(0, 1)": rng.standard_normal(1_000_000)}.items():
    before = formulas.q_sample(x_0, rng.standard_normal(x_0.shape), alpha, sigma)
    after = np.sqrt(1 - few.betas[t]) * before + np.sqrt(few.betas[t]) * rng.standard_normal(x_0.shape)
    passed = before[np.abs(after - 0.5) < 0.02]
    small = few.betas[t] * (1 - few.alphas_cumprod[t - 1]) / (1 - few.alphas_cumprod[t])
    print(f"{name}: variance {passed.var():.4f}; fixed_small {small:.4f}, fixed_large {few.betas[t]:.4f}")
    assert abs(passed.var() - (small if name == "a single point" else few.betas[t])) < 0.01


# %% tags=["solution"]
# @title Solution: 2, the scale of the betas
# log ᾱ_T ≈ -Σβ = -100 · 0.01005 s must be at most 2 log 0.02 = -7.82, so s ≥ 7.8; the true logarithm is larger in size
def terminal(s):
    return np.sqrt(np.prod(1 - np.linspace(1e-4 * s, 0.02 * s, 100)))


low, high = 1.0, 20.0
for _ in range(50):
    middle = (low + high) / 2
    low, high = (low, middle) if terminal(middle) <= 0.02 else (middle, high)
print(f"s = {high:.2f}; the scale 1000/T = 10 gives {terminal(10):.4f}")
assert 6.5 < high < 7.8 and terminal(10) < 0.02

# %% [markdown] lang="en"
# ## References
#
# - Ho, Jain, Abbeel 2020, *Denoising diffusion probabilistic models*, [arXiv:2006.11239](https://arxiv.org/abs/2006.11239): eq. 1 to 8, 12, 14.
# - Sohl-Dickstein et al. 2015, *Deep unsupervised learning using nonequilibrium thermodynamics*, [arXiv:1503.03585](https://arxiv.org/abs/1503.03585): where the chain comes from.
# - Nichol, Dhariwal 2021, *Improved DDPM*, [arXiv:2102.09672](https://arxiv.org/abs/2102.09672): eq. 17, the cosine.
# - Salimans, Ho 2022, *Progressive distillation*, [arXiv:2202.00512](https://arxiv.org/abs/2202.00512): the velocity, appendix D.
# - Kingma et al. 2021, *Variational diffusion models*, [arXiv:2107.00630](https://arxiv.org/abs/2107.00630): the bound by the SNR.
# - Karras et al. 2022, *Elucidating the design space*, [arXiv:2206.00364](https://arxiv.org/abs/2206.00364): appendix B.3, the perfect denoiser.
# - Lin et al. 2023, *Common diffusion noise schedules and sample steps are flawed*, [arXiv:2305.08891](https://arxiv.org/abs/2305.08891).
#
# Next: [6. Guidance](06_guidance.ipynb), where the network is told what to draw.

# %% [markdown] lang="zh-CN"
# ## 参考文献
#
# - Ho, Jain, Abbeel 2020, *Denoising diffusion probabilistic models*, [arXiv:2006.11239](https://arxiv.org/abs/2006.11239)：式 1 至 8、12、14。
# - Sohl-Dickstein et al. 2015, *Deep unsupervised learning using nonequilibrium thermodynamics*, [arXiv:1503.03585](https://arxiv.org/abs/1503.03585)：链条的来历。
# - Nichol, Dhariwal 2021, *Improved DDPM*, [arXiv:2102.09672](https://arxiv.org/abs/2102.09672)：式 17，余弦调度。
# - Salimans, Ho 2022, *Progressive distillation*, [arXiv:2202.00512](https://arxiv.org/abs/2202.00512)：速度，附录 D。
# - Kingma et al. 2021, *Variational diffusion models*, [arXiv:2107.00630](https://arxiv.org/abs/2107.00630)：用信噪比写出的变分界。
# - Karras et al. 2022, *Elucidating the design space*, [arXiv:2206.00364](https://arxiv.org/abs/2206.00364)：附录 B.3，完美去噪器。
# - Lin et al. 2023, *Common diffusion noise schedules and sample steps are flawed*, [arXiv:2305.08891](https://arxiv.org/abs/2305.08891)。
#
# 下一篇：[6. 引导](06_guidance.ipynb)，告诉网络该画什么。
