# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown] lang="en"
# # 2. The variational autoencoder
#
# At the end you will have a plane of digits that you can walk through, you will have derived why the loss makes it so without a gap in
# the argument, and you will know how such a model breaks.
#
# **The question.** The autoencoder of [the first notebook](01_autoencoder.ipynb) put images wherever it liked, and left holes
# between them. Can we train it so that latents fill a region that we know beforehand, so that drawing a new image is
# nothing but drawing a point of that region?

# %% [markdown] lang="zh-CN"
# # 2. 变分自编码器
#
# 读完本篇，你会得到一个可以在其中漫步的数字平面，会完整地推导出为什么这个损失函数能做到这一点，中间没有跳步，还会知道这种模型会怎样失效。
#
# **问题。** [第一篇](01_autoencoder.ipynb)里的自编码器随意安放图像，中间留下了空洞。能不能这样训练它：让隐变量填满一个事先知道的区域，
# 于是采样新图像就只是在这个区域里取一个点？

# %%
DATA = "digits"  # or "mnist", "fashion_mnist", "folder:PATH": any name that `genzoo train --data` takes
SIZE = 16  # pixels a side; None: the set's own
STEPS = 400  # of each training here; more: better pictures
SEED = 0

# %%
import math
from statistics import NormalDist

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.patches import Ellipse

import genzoo
from genzoo.data.pixels import to_float, to_uint8
from genzoo.evaluation.metrics.bounds import elbo_and_importance, log_weights
from genzoo.evaluation.metrics.likelihood import likelihood
from genzoo.evaluation.metrics.neighbours import nearest_training
from genzoo.models.vae import VAE, kl_divergence, reparameterize
from genzoo.pictures.show import show, show_source, slider
from genzoo.stack import keras, tf

tf.get_logger().setLevel("ERROR")  # six models in one process: it would warn of their tracing
plt.rcParams.update({"figure.dpi": 80, "figure.figsize": (6, 3), "axes.grid": True, "grid.alpha": 0.3})
data = genzoo.load_data(DATA, image_size=SIZE)
train_images, test_images = to_float(data.train_images), to_float(data.test_images[:500])  # [N, H, W, C] in [-1, 1]
train_labels = data.train_labels
D = math.prod(data.image_shape)  # numbers in an image
rng = np.random.default_rng(SEED)
show(train_images[:20], columns=10, title=f"{data.name}: {len(train_images):,} training images of {D} numbers each")

# %% [markdown] lang="en"
# ## The idea: a cloud instead of a point
#
# The encoder of a VAE gives for each image not a point but a small cloud: a Gaussian with a mean and a variance in every
# coordinate. In training a random point of the cloud goes to the decoder. Two forces act:
#
# - the **squared error** wants clouds small and far apart, so that the decoder can tell them from each other;
# - a **divergence** pulls every cloud towards one and the same big cloud, $\mathcal{N}(0, I)$.
#
# Together they pack the clouds beside each other and leave little room for holes. Here are 400 steps of it, with a latent of two numbers. `train` is as in the first notebook.

# %% [markdown] lang="zh-CN"
# ## 想法：用一团云代替一个点
#
# VAE 的编码器为每幅图像给出的不是一个点，而是一小团云：每个坐标上都有均值和方差的高斯分布。训练时把云中随机的一点交给解码器。有两股力在起作用：
#
# - **平方误差** 希望云团小而且彼此远离，好让解码器区分它们；
# - **散度** 把每团云都拉向同一团大云 $\mathcal{N}(0, I)$。
#
# 两者合起来，就把云团一个挨一个地排在一起，给空洞留下的地方很少。下面用两个数的隐变量训练 400 步。`train` 与第一篇相同。


# %%
def new(family, **options):
    """Returns a model, small enough to train here."""
    keras.utils.set_random_seed(SEED)  # of its first weights
    options = {"image_shape": data.image_shape, "num_classes": data.num_classes, "widths": (16, 32, 32), **options}
    model = genzoo.build(family, **options)
    model.seed, model.ema_decay = SEED, 0.99
    model.compile(optimizer=keras.optimizers.Adam(3e-3), jit_compile=False)
    return model


examples = tf.data.Dataset.from_tensor_slices({"image": train_images, "label": train_labels})
batches = examples.shuffle(len(train_images), seed=SEED).repeat().batch(64)


def train(model, steps):
    """Trains on so many batches; returns the losses of each ten of them."""
    return model.fit(batches, epochs=max(1, steps // 10), steps_per_epoch=10, shuffle=False, verbose=0).history


plane = new("vae", latent_dim=2)
history = train(plane, STEPS)
quantiles = [NormalDist().inv_cdf((i + 0.5) / 16) for i in range(16)]
places = np.array([(x, y) for y in quantiles[::-1] for x in quantiles])
show(plane.decode(places), columns=16, scale=2, title="the decoder over the plane: left to right z[0], upwards z[1]")
steps = 10 * np.arange(1, len(history["loss"]) + 1)
for name in "reconstruction", "kl":
    plt.plot(steps, history[name], label={"reconstruction": "squared error", "kl": "KL, in nats"}[name])
plt.xlabel("step")
plt.yscale("log")
plt.legend()
plt.show()

# %% [markdown] lang="en"
# Every place holds something like a digit, and neighbours are alike. The places are the quantiles of $\mathcal{N}(0, 1)$ on
# both axes, so that each picture stands for an equal share of what would be drawn (as in figure 4 of
# [Kingma & Welling 2014](https://arxiv.org/abs/1312.6114)). The error falls while the divergence rises: the clouds shrink and part.

# %% [markdown] lang="zh-CN"
# 每个位置上都是类似数字的图像，相邻的彼此相似。两个坐标轴上取的都是 $\mathcal{N}(0, 1)$ 的分位数，
# 所以每幅小图代表同样大的采样概率（如
# [Kingma & Welling 2014](https://arxiv.org/abs/1312.6114) 的图 4）。误差下降的同时散度上升：云团在缩小、分开。

# %% [markdown] lang="en"
# ## What was minimised: the evidence lower bound
#
# **The model.** A latent is drawn from the prior $p(z) = \mathcal{N}(0, I)$, and an image from $p_\theta(x \mid z)$, whose
# mean the decoder $g_\theta(z)$ gives. The density of an image is an integral over all latents,
#
# $$p_\theta(x) = \int p(z)\, p_\theta(x \mid z)\, dz .$$
#
# We want $\log p_\theta(x)$ large for the training images. The integral runs over everything that a decoder can make, and almost
# none of it looks like $x$: to draw $z$ from the prior and average would take forever. So let another distribution,
# $q_\phi(z \mid x)$, say which latents are worth looking at. That is the encoder.
#
# **The bound.** Multiply and divide by $q_\phi$. The logarithm is concave, so that $\log \mathbb{E}\, w \ge \mathbb{E} \log w$ (Jensen):
#
# $$\log p_\theta(x) = \log \mathbb{E}_{q_\phi(z \mid x)}\!\left[ \frac{p(z)\, p_\theta(x \mid z)}{q_\phi(z \mid x)} \right]
# \ \ge\ \mathbb{E}_{q_\phi(z \mid x)}\!\left[ \log \frac{p(z)\, p_\theta(x \mid z)}{q_\phi(z \mid x)} \right] =: \mathcal{L}(x) .$$
#
# $\mathcal{L}$ is the evidence lower bound, ELBO (Kingma & Welling, eq. 2).
#
# **The gap.** How much is lost? By Bayes' rule $p(z)\, p_\theta(x \mid z) = p_\theta(x)\, p_\theta(z \mid x)$. Put this in, and $\log p_\theta(x)$, which
# does not depend on $z$, comes out of the expectation:
#
# $$\mathcal{L}(x) = \log p_\theta(x) - \mathbb{E}_{q_\phi}\!\left[ \log \frac{q_\phi(z \mid x)}{p_\theta(z \mid x)} \right]
# = \log p_\theta(x) - \mathrm{KL}\big(q_\phi(z \mid x) \,\Vert\, p_\theta(z \mid x)\big) .$$
#
# This is eq. 1. A divergence is never below 0, and is 0 only where both distributions agree. So to raise $\mathcal{L}$ does two things at
# once: it makes the images likelier, and it makes $q_\phi$ a better answer to 'which latents may have made this image?'.
#
# **Two terms.** Sort the logarithms differently, and the loss appears (eq. 3):
#
# $$\mathcal{L}(x) = \mathbb{E}_{q_\phi(z \mid x)} \big[ \log p_\theta(x \mid z) \big] - \mathrm{KL}\big(q_\phi(z \mid x) \,\Vert\, p(z)\big) .$$
#
# **Pixels.** Let $p_\theta(x \mid z) = \mathcal{N}(x \mid g_\theta(z), s^2 I)$. Then
#
# $$-\log p_\theta(x \mid z) = \frac{1}{2 s^2} \lVert x - g_\theta(z) \rVert^2 + \frac{D}{2} \log (2 \pi s^2) .$$
#
# With $s^2 = \tfrac12$ this is the squared error, summed over all pixels, and a constant:
#
# $$-\mathcal{L}(x) = \underbrace{\mathbb{E}_{q_\phi}\lVert x - g_\theta(z) \rVert^2}_{\texttt{reconstruction}}
# + \underbrace{\mathrm{KL}\big(q_\phi(z \mid x) \,\Vert\, \mathcal{N}(0, I)\big)}_{\texttt{kl}} + \frac{D}{2} \log \pi .$$
#
# The package's loss is this without the constant, with a weight $\beta$ before the KL that is 1 unless asked for otherwise.

# %% [markdown] lang="zh-CN"
# ## 最小化的是什么：证据下界
#
# **模型。** 先从先验 $p(z) = \mathcal{N}(0, I)$ 采样隐变量，再从 $p_\theta(x \mid z)$ 采样图像，它的均值由解码器 $g_\theta(z)$ 给出。
# 一幅图像的密度是对所有隐变量的积分：
#
# $$p_\theta(x) = \int p(z)\, p_\theta(x \mid z)\, dz .$$
#
# 我们希望训练图像的 $\log p_\theta(x)$ 大。积分要遍历解码器能造出的一切，而其中几乎没有什么像 $x$：从先验采样 $z$ 再取平均，永远也算不完。
# 所以让另一个分布 $q_\phi(z \mid x)$ 来告诉我们哪些隐变量值得看。这就是编码器。
#
# **下界。** 乘以再除以 $q_\phi$。对数是凹函数，所以 $\log \mathbb{E}\, w \ge \mathbb{E} \log w$（Jensen 不等式）：
#
# $$\log p_\theta(x) = \log \mathbb{E}_{q_\phi(z \mid x)}\!\left[ \frac{p(z)\, p_\theta(x \mid z)}{q_\phi(z \mid x)} \right]
# \ \ge\ \mathbb{E}_{q_\phi(z \mid x)}\!\left[ \log \frac{p(z)\, p_\theta(x \mid z)}{q_\phi(z \mid x)} \right] =: \mathcal{L}(x) .$$
#
# $\mathcal{L}$ 就是证据下界 ELBO（Kingma & Welling，式 2）。
#
# **差距。** 损失了多少？由贝叶斯公式 $p(z)\, p_\theta(x \mid z) = p_\theta(x)\, p_\theta(z \mid x)$。代入后，$\log p_\theta(x)$ 与 $z$ 无关，可以移到期望之外：
#
# $$\mathcal{L}(x) = \log p_\theta(x) - \mathbb{E}_{q_\phi}\!\left[ \log \frac{q_\phi(z \mid x)}{p_\theta(z \mid x)} \right]
# = \log p_\theta(x) - \mathrm{KL}\big(q_\phi(z \mid x) \,\Vert\, p_\theta(z \mid x)\big) .$$
#
# 这就是式 1。散度不会小于 0，只有两个分布相同时才等于 0。所以提高 $\mathcal{L}$ 同时做到两件事：
# 让图像的概率更大，也让 $q_\phi$ 更好地回答“哪些隐变量可能造出了这幅图像”。
#
# **两项。** 换一种方式整理对数，损失函数就出现了（式 3）：
#
# $$\mathcal{L}(x) = \mathbb{E}_{q_\phi(z \mid x)} \big[ \log p_\theta(x \mid z) \big] - \mathrm{KL}\big(q_\phi(z \mid x) \,\Vert\, p(z)\big) .$$
#
# **像素。** 设 $p_\theta(x \mid z) = \mathcal{N}(x \mid g_\theta(z), s^2 I)$，则
#
# $$-\log p_\theta(x \mid z) = \frac{1}{2 s^2} \lVert x - g_\theta(z) \rVert^2 + \frac{D}{2} \log (2 \pi s^2) .$$
#
# 取 $s^2 = \tfrac12$，它就是对所有像素求和的平方误差，再加一个常数：
#
# $$-\mathcal{L}(x) = \underbrace{\mathbb{E}_{q_\phi}\lVert x - g_\theta(z) \rVert^2}_{\texttt{reconstruction}}
# + \underbrace{\mathrm{KL}\big(q_\phi(z \mid x) \,\Vert\, \mathcal{N}(0, I)\big)}_{\texttt{kl}} + \frac{D}{2} \log \pi .$$
#
# 软件包的损失就是去掉常数的这个式子，KL 前面有一个权重 $\beta$，不另外指定时为 1。

# %% [markdown] lang="en"
# ## See it: the integral in full
#
# With two latent numbers the integral that 'would take forever' can be done by brute force: decode a fine grid of the plane, and
# add up. So we can hold eq. 1 against numbers. For 20 test images: $\log p_\theta(x)$ from the grid, the bound $\mathcal{L}(x)$ from
# draws of the encoder, and the divergence from $q_\phi$ to the true posterior on the grid.

# %% [markdown] lang="zh-CN"
# ## 亲眼看看：把积分算完整
#
# 只有两个隐变量时，那个“永远也算不完”的积分可以用蛮力算出来：在平面上取细密的网格，逐点解码，再求和。于是式 1 可以用数值来检验。
# 取 20 幅测试图像：由网格得到 $\log p_\theta(x)$，由编码器的采样得到下界 $\mathcal{L}(x)$，再在网格上算出 $q_\phi$ 到真实后验的散度。


# %%
def posterior(model, images):
    """Returns mean and log-variance of q(z|x), [n, d] each."""
    return np.split(np.asarray(model.ema.encoder(images), np.float64), 2, axis=-1)


def log_normal(z, mean, log_var):
    """log N(z; mean, exp(log_var)) summed over the last axis."""
    return -0.5 * (np.log(2 * np.pi) + log_var + (z - mean) ** 2 / np.exp(log_var)).sum(axis=-1)


axis = np.linspace(-4, 4, 101)
cell = (axis[1] - axis[0]) ** 2  # the area that a point of the grid stands for
grid = np.stack(np.meshgrid(axis, axis, indexing="ij"), axis=-1).reshape(-1, 2)  # [G, 2]
parts = np.array_split(grid.astype(np.float32), 20)
decoded = np.concatenate([np.asarray(plane.ema.decoder(part)).reshape(len(part), -1) for part in parts])  # [G, D]

x = test_images[:20]
flat = x.reshape(len(x), -1)
squares = (flat**2).sum(axis=1)[:, None] - 2 * flat @ decoded.T + (decoded**2).sum(axis=1)  # ‖x - g(z)‖², [20, G]
log_joint = -squares.astype(np.float64) - D / 2 * math.log(math.pi) + log_normal(grid, 0.0, np.zeros(2))  # log p(x, z)
log_p = np.logaddexp.reduce(log_joint + math.log(cell), axis=1)  # log p(x), [20]
log_true = log_joint - log_p[:, None]  # log p(z|x)
z_mean, z_log_var = posterior(plane, x)
log_q = log_normal(grid, z_mean[:, None], z_log_var[:, None])
gap = (np.exp(log_q) * (log_q - log_true)).sum(axis=1) * cell  # KL(q(z|x) ‖ p(z|x))

log_w = log_weights(
    lambda x: tf.split(plane.ema.encoder(x), 2, axis=-1),
    plane.ema.decoder,
    lambda x, mean: -tf.reduce_sum((x - mean) ** 2, axis=[1, 2, 3]) - D / 2 * math.log(math.pi),
    tf.constant(x),
    tf.constant(rng.standard_normal((128, len(x), 2)), tf.float32),
)
elbo, importance = (-bound for bound in elbo_and_importance(np.asarray(log_w, np.float64)))
order = np.argsort(log_p)
plt.plot(log_p[order], "k-", label="log p(x), by the grid")
plt.plot((elbo + gap)[order], "o", color="tab:orange", label="ELBO + KL(q ‖ true posterior)")
plt.plot(elbo[order], "v", color="tab:blue", label="ELBO")
plt.xlabel("test images, sorted")
plt.ylabel("nats")
plt.legend()
plt.show()
print(
    f"mean over 20 images, nats: log p {log_p.mean():.2f}, ELBO {elbo.mean():.2f}, KL to the posterior {gap.mean():.2f}"
)
print(f"largest difference of log p and ELBO + KL: {np.abs(log_p - elbo - gap).max():.3f}")

# %% [markdown] lang="en"
# The circles lie on the line: the bound and the gap make up $\log p_\theta(x)$, as eq. 1 says (up to the noise of 128 draws). The triangles lie
# below it. Here is what the gap looks like: in colour the true posterior of four images, in white the ellipse of two standard
# deviations of the encoder's $q_\phi(z \mid x)$.

# %% [markdown] lang="zh-CN"
# 圆点落在线上：下界与差距之和正是 $\log p_\theta(x)$，如式 1 所说（误差来自 128 次采样的噪声）。三角在线的下方。
# 差距的样子如下：颜色表示四幅图像的真实后验，白色椭圆是编码器 $q_\phi(z \mid x)$ 的两倍标准差。

# %%
worst = order[np.argsort(gap[order])][[0, 7, 14, 19]]
fig, axes = plt.subplots(1, 4, figsize=(8, 2.2))
for ax, i in zip(axes, worst, strict=True):
    width = 8 * np.exp(0.5 * z_log_var[i]).max() + 0.1
    ax.imshow(np.exp(log_true[i]).reshape(101, 101).T, origin="lower", extent=(-4, 4, -4, 4), interpolation="bilinear")
    ax.add_patch(Ellipse(z_mean[i], *4 * np.exp(0.5 * z_log_var[i]), fill=False, color="white"))
    ax.set(xlim=z_mean[i, 0] + [-width, width], ylim=z_mean[i, 1] + [-width, width], title=f"gap {gap[i]:.2f} nats")
    ax.grid(False)
plt.tight_layout()
plt.show()

# %% [markdown] lang="en"
# The gap is small where the cloud covers the true posterior. It is large where the cloud is too wide, where the posterior is tilted or bent, which one variance for each coordinate
# cannot follow, and largest where the encoder looks in the wrong place: on the images
# that the model finds least likely, at the left end of the curve above.

# %% [markdown] lang="zh-CN"
# 云团盖住真实后验时，差距很小。云团太宽，或者后验倾斜、弯曲（每个坐标只有一个方差，跟不上），差距就大；编码器找错了地方时差距最大：那是模型认为最不可能的图像，在上面曲线的左端。

# %% tags=["check"]
# @title Check: eq. 1 in numbers, and the bound is below log p(x)
assert elbo.mean() < importance.mean() < log_p.mean() + 0.3
assert (gap > -0.05).all()
if DATA == "digits":  # elsewhere clouds may be finer than the grid
    assert np.abs(log_p - elbo - gap).mean() < 0.25

# %% [markdown] lang="en"
# ## Gradients through a random draw
#
# The loss holds an expectation over $z \sim q_\phi(z \mid x)$, and $\phi$ is to be trained. To draw is no operation that has a
# derivative. Two ways out, for a coordinate $z \sim \mathcal{N}(\mu, \sigma^2)$ and any function $h$:
#
# 1. **The score function.** From $\nabla q = q\, \nabla \log q$ follows
#    $\nabla_\mu\, \mathbb{E}[h(z)] = \int h(z)\, \nabla_\mu q(z)\, dz = \mathbb{E}\big[h(z)\, (z - \mu)/\sigma^2\big]$.
# 2. **Reparameterisation.** Draw $\varepsilon \sim \mathcal{N}(0, 1)$, which does not depend on $\phi$, and compute $z = \mu + \sigma \varepsilon$
#    (Kingma & Welling, eq. 4, and section 2.4; [Rezende et al. 2014](https://arxiv.org/abs/1401.4082)). Now
#    $\nabla_\mu\, \mathbb{E}[h(\mu + \sigma\varepsilon)] = \mathbb{E}[h'(z)]$ and
#    $\nabla_\sigma\, \mathbb{E}[h(\mu + \sigma\varepsilon)] = \mathbb{E}[h'(z)\, \varepsilon]$, the chain rule.
#
# Both are right on average. **Predict, then run:** which one scatters less, for $h(z) = \lVert x - z\rVert^2$ at $\mu = 1$, $x = 0$, as the clouds shrink?

# %% [markdown] lang="zh-CN"
# ## 让梯度穿过随机采样
#
# 损失里有对 $z \sim q_\phi(z \mid x)$ 的期望，而要训练的正是 $\phi$。采样这一步没有导数。对一个坐标 $z \sim \mathcal{N}(\mu, \sigma^2)$ 和任意函数 $h$，有两条出路：
#
# 1. **得分函数。** 由 $\nabla q = q\, \nabla \log q$ 得
#    $\nabla_\mu\, \mathbb{E}[h(z)] = \int h(z)\, \nabla_\mu q(z)\, dz = \mathbb{E}\big[h(z)\, (z - \mu)/\sigma^2\big]$。
# 2. **重参数化。** 采样与 $\phi$ 无关的 $\varepsilon \sim \mathcal{N}(0, 1)$，再计算 $z = \mu + \sigma \varepsilon$
# （Kingma & Welling 式 4 与 2.4 节；[Rezende et al. 2014](https://arxiv.org/abs/1401.4082)）。于是
#    $\nabla_\mu\, \mathbb{E}[h(\mu + \sigma\varepsilon)] = \mathbb{E}[h'(z)]$，
#    $\nabla_\sigma\, \mathbb{E}[h(\mu + \sigma\varepsilon)] = \mathbb{E}[h'(z)\, \varepsilon]$，这就是链式法则。
#
# 两者平均起来都对。**先预测，再运行：** 对 $h(z) = \lVert x - z\rVert^2$，$\mu = 1$，$x = 0$，当云团缩小时，哪一个更分散？

# %%
eps = rng.standard_normal(100_000)
scatter = {}
for sigma in 0.3, 0.1, 0.03, 0.01:
    z = 1.0 + sigma * eps
    score, path = z**2 * (z - 1.0) / sigma**2, 2 * z  # of d/dμ E[z²] = 2μ = 2
    scatter[sigma] = score.std(), path.std()
    print(
        f"σ {sigma}: score function {score.mean():.2f} ± {score.std():.2f}, reparameterised {path.mean():.2f} ± {path.std():.2f}"
    )
show_source(reparameterize)

# %% [markdown] lang="en"
# The truth is 2. The score function scatters more and more as $\sigma$ falls, since it learns about the slope only from chance
# differences of $h$; the reparameterised gradient scatters less and less. The encoder gives $\log \sigma^2$, called `z_log_var`, and $\sigma = \exp(\tfrac12 \log \sigma^2)$ is
# positive whatever it says.

# %% [markdown] lang="zh-CN"
# 真值是 2。$\sigma$ 变小时，得分函数估计越来越分散，因为它只能从 $h$ 的偶然差异中了解斜率；重参数化的梯度却越来越集中。
# 编码器给出的是 $\log \sigma^2$，代码里叫 `z_log_var`，于是 $\sigma = \exp(\tfrac12 \log \sigma^2)$ 无论如何都是正数。

# %% tags=["check"]
# @title Check: the score function scatters more, the more so the smaller the cloud
assert all(score > 2 * path for score, path in scatter.values())
assert scatter[0.01][0] > 5 * scatter[0.3][0] and scatter[0.01][1] < 0.1 * scatter[0.3][1]

# %% [markdown] lang="en"
# ## The divergence in closed form
#
# For $q = \mathcal{N}(\mu, \sigma^2)$ and $p = \mathcal{N}(0, 1)$, one coordinate, we need $\mathbb{E}_q[z^2] = \mu^2 + \sigma^2$ and
# $\mathbb{E}_q[(z - \mu)^2] = \sigma^2$:
#
# $$\begin{aligned}
# \mathbb{E}_q[\log q] &= \mathbb{E}_q\!\left[-\tfrac12 \log(2\pi\sigma^2) - \tfrac{(z - \mu)^2}{2\sigma^2}\right] = -\tfrac12 \log(2\pi) - \tfrac12 \log \sigma^2 - \tfrac12, \\
# \mathbb{E}_q[\log p] &= \mathbb{E}_q\!\left[-\tfrac12 \log(2\pi) - \tfrac{z^2}{2}\right] = -\tfrac12 \log(2\pi) - \tfrac12 (\mu^2 + \sigma^2), \\
# \mathrm{KL}(q \,\Vert\, p) &= \mathbb{E}_q[\log q - \log p] = \tfrac12 \left(\sigma^2 + \mu^2 - 1 - \log \sigma^2\right) .
# \end{aligned}$$
#
# Coordinates are independent, so that their divergences add (Kingma & Welling, appendix B and eq. 10). It is 0 at $\mu = 0$, $\sigma = 1$, and nowhere else.

# %% [markdown] lang="zh-CN"
# ## 散度的闭式解
#
# 对 $q = \mathcal{N}(\mu, \sigma^2)$ 和 $p = \mathcal{N}(0, 1)$，先看一个坐标，需要 $\mathbb{E}_q[z^2] = \mu^2 + \sigma^2$ 和
# $\mathbb{E}_q[(z - \mu)^2] = \sigma^2$：
#
# $$\begin{aligned}
# \mathbb{E}_q[\log q] &= \mathbb{E}_q\!\left[-\tfrac12 \log(2\pi\sigma^2) - \tfrac{(z - \mu)^2}{2\sigma^2}\right] = -\tfrac12 \log(2\pi) - \tfrac12 \log \sigma^2 - \tfrac12, \\
# \mathbb{E}_q[\log p] &= \mathbb{E}_q\!\left[-\tfrac12 \log(2\pi) - \tfrac{z^2}{2}\right] = -\tfrac12 \log(2\pi) - \tfrac12 (\mu^2 + \sigma^2), \\
# \mathrm{KL}(q \,\Vert\, p) &= \mathbb{E}_q[\log q - \log p] = \tfrac12 \left(\sigma^2 + \mu^2 - 1 - \log \sigma^2\right) .
# \end{aligned}$$
#
# 各坐标相互独立，散度相加（Kingma & Welling 附录 B 与式 10）。它只在 $\mu = 0$、$\sigma = 1$ 处等于 0。

# %%
show_source(kl_divergence, VAE)
closed = kl_divergence(z_mean, z_log_var).numpy()
draws = z_mean + np.exp(0.5 * z_log_var) * rng.standard_normal((4000, *z_mean.shape))
drawn = (log_normal(draws, z_mean, z_log_var) - log_normal(draws, 0.0, np.zeros(2))).mean(axis=0)
print("KL of five test images, nats: formula", closed[:5].round(2), "draws", drawn[:5].round(2))

# %% tags=["check"]
# @title Check: the closed form agrees with draws
assert np.abs(closed - drawn).max() < 0.2 and (closed > 0).all()

# %% [markdown] lang="en"
# ## A walk through the plane
#
# Where did the encoder put the classes, which it was never told? On the left the posterior means of the training images, coloured by
# their labels; the circles hold 39 %, 86 % and 99 % of the prior. On the right the circle of radius 1, walked once around.

# %% [markdown] lang="zh-CN"
# ## 在平面上漫步
#
# 编码器从未被告知类别，它把各类放在了哪里？左图是训练图像的后验均值，按标签着色；三个圆分别包含先验的 39 %、86 % 和 99 %。
# 右图是沿半径为 1 的圆走一圈。

# %%
means = plane.encode(train_images)  # [N, 2]
angles = np.linspace(0, 2 * np.pi, 24, endpoint=False)
fig, (left, right) = plt.subplots(1, 2, figsize=(8, 3.8))
dots = left.scatter(*means.T, c=train_labels, cmap="tab10", s=4)
fig.colorbar(dots, ax=left, label="label")
for radius in 1, 2, 3:
    left.add_patch(Ellipse((0, 0), 2 * radius, 2 * radius, fill=False, color="black", linewidth=0.8))
left.set(xlim=(-4, 4), ylim=(-4, 4), xlabel="z[0]", ylabel="z[1]")
ring = plane.decode(np.stack([np.cos(angles), np.sin(angles)], axis=1)).squeeze()
for angle, image in zip(angles, ring, strict=True):
    inset = right.inset_axes([0.5 + 0.42 * np.cos(angle) - 0.05, 0.5 + 0.42 * np.sin(angle) - 0.05, 0.1, 0.1])
    inset.imshow((image + 1) / 2, cmap="gray", vmin=0, vmax=1)
    inset.axis("off")
right.set_aspect("equal")
right.axis("off")
plt.tight_layout()
plt.show()


def at(radius):
    """What stands on a circle of the plane."""
    show(plane.decode(radius * np.stack([np.cos(angles), np.sin(angles)], axis=1)), columns=24, scale=2)


slider(at, "radius", [0.25, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0], start=1.0)

# %% [markdown] lang="en"
# One digit turns into the next without a jump. Two numbers are few, though: classes overlap, and the pictures are soft.

# %% [markdown] lang="zh-CN"
# 一个数字平滑地变成下一个，没有跳跃。不过两个数太少了：类别有重叠，图像也发虚。

# %% [markdown] lang="en"
# ## Fewer holes than an autoencoder? A measurement
#
# Now with eight numbers: an AE and a VAE with the same decoder, seeds and steps. From the VAE we draw $z \sim \mathcal{N}(0, I)$.
# The AE has no distribution of its own, so that it gets the most generous one without a fit: each coordinate is drawn from the values that it has
# on training images. The measure is the distance to the nearest training image. Blurred pictures are near to many, and a VAE blurs. So compare each
# model with its own copies of test images, too.

# %% [markdown] lang="zh-CN"
# ## 空洞比自编码器少吗？测一测
#
# 现在用八个数：一个 AE 和一个 VAE，解码器、种子、步数都相同。VAE 从 $z \sim \mathcal{N}(0, I)$ 采样。
# AE 没有自己的分布，所以给它不经拟合所能给的最宽松的一个：每个坐标都取它在训练图像上出现过的值。
# 衡量的是到最近训练图像的距离。模糊的图像离许多图像都近，而 VAE 会变模糊。所以还要把每个模型与它自己对测试图像的复制品相比。

# %%
ae, vae = new("ae", latent_dim=8), new("vae", latent_dim=8)
train(ae, STEPS)
train(vae, STEPS)


def distance(images):
    """The median distance to the nearest training image: root mean square over pixels that run from 0 to 1."""
    return float(np.median(nearest_training(to_uint8(images, data.native_shape), data.train_images)[0]))


fresh = {
    "AE": ae.decode(rng.permuted(ae.encode(train_images), axis=0)[:300]),
    "VAE": vae.sample(300, seed=SEED, prior="normal"),
}
show([images[:15] for images in fresh.values()], rows=list(fresh), title="random latents, decoded")
far = {name: distance(images) for name, images in fresh.items()}
near = {name: distance(model.reconstruct(test_images[:300])) for name, model in (("AE", ae), ("VAE", vae))}
excess = {name: far[name] / near[name] for name in far}
for name in far:
    print(f"{name}: random latents {far[name]:.3f}, copies of test images {near[name]:.3f}, ratio {excess[name]:.2f}")

# %% [markdown] lang="en"
# The VAE's random latents decode to what is nearer to real images, though nothing was fitted to its latents. But its row, too, has pictures that are no digits, and both ratios
# are well above 1. So the prior is *not* filled without holes. Why not, we shall see below.

# %% [markdown] lang="zh-CN"
# VAE 的随机隐变量解码出的图像更接近真实图像，尽管没有对它的隐变量做过任何拟合。但它那一行里也有不是数字的图像，而且两个比值都明显大于 1。
# 可见先验 *并没有* 被填得毫无空洞。原因下面就会看到。

# %% tags=["check"]
# @title Check: random latents of the VAE are nearer to real images, and farther than its copies
assert far["VAE"] < far["AE"] and excess["VAE"] > 1.05

# %% [markdown] lang="en"
# ## Beta, and how a posterior collapses
#
# Give the KL a weight, $\text{loss} = \mathbb{E}\lVert x - g(z)\rVert^2 + \beta\, \mathrm{KL}$ ($\beta$-VAE, Higgins et al. 2017, eq. 4). Divide by $\beta$:
# this is the ELBO of pixels with the variance $s^2 = \beta/2$. So $\beta$ says how much noise the pixels are believed to have.
#
# When is a latent worth its price? For a linear model the answer is exact. Take one direction of the data, $x \sim \mathcal{N}(0, \lambda)$, a decoder $\hat x = w z$ and an
# encoder $z = a x + \sigma \varepsilon$:
#
# $$\text{loss} = (1 - w a)^2 \lambda + w^2 \sigma^2 + \tfrac{\beta}{2}\left(\sigma^2 + a^2 \lambda - 1 - \log \sigma^2\right) .$$
#
# Set the derivatives by $\sigma^2$ and by $a$ to zero:
#
# $$\sigma^2 = \frac{\beta/2}{w^2 + \beta/2}, \qquad a = \frac{w}{w^2 + \beta/2} .$$
#
# Put both in. With $v = w^2 + \beta/2$ the terms with $a$ become $\lambda - \lambda w^2 / v = \lambda\, (\beta/2)/v$, those with $\sigma^2$ become $\beta/2$, and
#
# $$\text{loss} = \tfrac{\beta}{2} \left( \frac{\lambda}{v} + \log v - \log \tfrac{\beta}{2} \right), \qquad v \ge \tfrac{\beta}{2} .$$
#
# The derivative by $v$ is $\tfrac{\beta}{2}\,(v - \lambda)/v^2$. So the best is $v = \lambda$ if $\lambda > \beta/2$, and else the smallest allowed, $v = \beta/2$, that is $w = 0$, $a = 0$, $\sigma = 1$:
#
# $$w^2 = \max(0,\ \lambda - \beta/2), \qquad \mathrm{KL} = \max\!\left(0,\ \tfrac12 \log \frac{2 \lambda}{\beta}\right) \text{ on average.}$$
#
# **A direction of the data with less variance than the pixels' noise is not worth a latent.** Encoder and decoder agree to ignore
# it: the posterior has *collapsed* onto the prior. It is no failure of the optimizer, it is the optimum. This is probabilistic PCA, and
# deep VAEs follow it closely ([Lucas et al. 2019](https://arxiv.org/abs/1911.02469)).
#
# **Predict, then run.** The eigenvalues of the data are known from the first notebook. How many of eight latents will be used at $\beta = 1$, at 8, and at $\beta = D$? The last one comes about easily: to *average* the squared error
# over the $D$ pixels and to *add up* the KL is the same as $\beta = D$.

# %% [markdown] lang="zh-CN"
# ## Beta，以及后验如何坍缩
#
# 给 KL 一个权重，$\text{loss} = \mathbb{E}\lVert x - g(z)\rVert^2 + \beta\, \mathrm{KL}$（$\beta$-VAE,Higgins et al. 2017，式 4）。除以 $\beta$：
# 这正是像素方差为 $s^2 = \beta/2$ 时的 ELBO。所以 $\beta$ 说的是我们认为像素有多少噪声。
#
# 一个隐变量什么时候值回它的代价？对线性模型，答案是精确的。取数据的一个方向 $x \sim \mathcal{N}(0, \lambda)$，解码器 $\hat x = w z$，
# 编码器 $z = a x + \sigma \varepsilon$：
#
# $$\text{loss} = (1 - w a)^2 \lambda + w^2 \sigma^2 + \tfrac{\beta}{2}\left(\sigma^2 + a^2 \lambda - 1 - \log \sigma^2\right) .$$
#
# 令对 $\sigma^2$ 和对 $a$ 的导数为零：
#
# $$\sigma^2 = \frac{\beta/2}{w^2 + \beta/2}, \qquad a = \frac{w}{w^2 + \beta/2} .$$
#
# 两者代入。记 $v = w^2 + \beta/2$，含 $a$ 的项变成 $\lambda - \lambda w^2 / v = \lambda\, (\beta/2)/v$，含 $\sigma^2$ 的项变成 $\beta/2$，于是
#
# $$\text{loss} = \tfrac{\beta}{2} \left( \frac{\lambda}{v} + \log v - \log \tfrac{\beta}{2} \right), \qquad v \ge \tfrac{\beta}{2} .$$
#
# 对 $v$ 的导数是 $\tfrac{\beta}{2}\,(v - \lambda)/v^2$。所以若 $\lambda > \beta/2$，最优是 $v = \lambda$；否则取允许的最小值 $v = \beta/2$，即 $w = 0$、$a = 0$、$\sigma = 1$：
#
# $$w^2 = \max(0,\ \lambda - \beta/2), \qquad \mathrm{KL} = \max\!\left(0,\ \tfrac12 \log \frac{2 \lambda}{\beta}\right) \text{ on average.}$$
#
# **如果数据在某个方向上的方差小于像素噪声的方差，这个方向就不值得用一个隐变量。** 编码器和解码器一致忽略它：后验 *坍缩* 到了先验上。
# 这不是优化器的失败，而是最优解。这就是概率 PCA，深层 VAE 的行为也与之相近（[Lucas et al. 2019](https://arxiv.org/abs/1911.02469)）。
#
# **先预测，再运行。** 数据的特征值在第一篇里已经知道了。$\beta = 1$、8 和 $\beta = D$ 时，八个隐变量各会用到几个？最后一种情形很容易出现：
# 对 $D$ 个像素的平方误差 *取平均*，却把 KL *加起来*，就等于 $\beta = D$。

# %%
lambdas = np.linalg.eigvalsh(np.cov(train_images.reshape(len(train_images), -1), rowvar=False))[::-1]
by_beta = {1: vae, 8: new("vae", latent_dim=8, beta=8.0), D: new("vae", latent_dim=8, beta=float(D))}
train(by_beta[8], STEPS)
train(by_beta[D], STEPS // 3)


def nats_each(model, images):
    """The KL of each coordinate, mean over images, [d]."""
    z_mean, z_log_var = posterior(model, images)
    return (0.5 * (np.exp(z_log_var) + z_mean**2 - 1 - z_log_var)).mean(axis=0)


fig, axes = plt.subplots(1, 3, figsize=(8, 2.6), sharey=True)
used, expected, spent, linear = {}, {}, {}, {}
for ax, (beta, model) in zip(axes, by_beta.items(), strict=True):
    spent[beta] = np.sort(nats_each(model, test_images))[::-1]
    used[beta], expected[beta] = int((spent[beta] > 0.05).sum()), int((lambdas[:8] > beta / 2).sum())
    ax.bar(range(8), spent[beta], label="measured")
    linear[beta] = np.maximum(0, 0.5 * np.log(np.maximum(2 * lambdas[:8] / beta, 1e-9)))
    ax.plot(range(8), linear[beta], "o-", color="tab:orange", label="linear theory")
    ax.set(title=f"β = {beta}", xlabel="coordinate, sorted")
axes[0].set_ylabel("KL, nats")
axes[1].legend()
plt.tight_layout()
plt.show()
print("coordinates that carry more than 0.05 nats:", used, "linear theory:", expected)
show(
    [test_images[:10], *(m.reconstruct(test_images[:10]) for m in by_beta.values())],
    rows=["image", *(f"β = {beta}" for beta in by_beta)],
)
show(
    [m.sample(10, seed=SEED, prior="normal") for m in by_beta.values()],
    rows=[f"sample, β = {beta}" for beta in by_beta],
)

# %% [markdown] lang="en"
# At $\beta = 1$ all eight coordinates carry nats. At 8 about half of them do: the others have no bar. At $\beta = D$ nothing is left, and every image comes back as the mean image:
# a VAE that ignores its latent. The bars follow the line of the linear theory, $\tfrac12 \log (2\lambda_i/\beta)$, surprisingly well, though the networks are not
# linear. If you meet a VAE that draws one and the same grey blob, look first whether somewhere a mean stands beside a sum.

# %% [markdown] lang="zh-CN"
# $\beta = 1$ 时八个坐标都携带信息。为 8 时大约只剩一半，其余的没有柱子。$\beta = D$ 时什么也不剩，每幅图像还原出来都是平均图像：
# 一个忽略隐变量的 VAE。柱子与线性理论的曲线 $\tfrac12 \log (2\lambda_i/\beta)$ 出人意料地吻合，尽管网络并不是线性的。
# 如果你遇到一个总是画出同一团灰色的 VAE，先检查是不是哪里取了平均而旁边却是求和。

# %% tags=["check"]
# @title Check: coordinates are given up as beta grows, and all of them at beta = D
assert used[1] >= used[8] >= used[D]
assert spent[D].sum() < spent[8].sum() < spent[1].sum()
if DATA == "digits":
    assert used[1] == 8 > used[8] > used[D] == 0
    assert spent[D].sum() < 0.5 < spent[8].sum()
    assert abs(used[8] - expected[8]) <= 2
    assert all(np.abs(spent[beta] - linear[beta]).max() < 0.5 for beta in by_beta)

# %% [markdown] lang="en"
# ## Is the prior really filled?
#
# The loss pulls each cloud towards $\mathcal{N}(0, I)$. What we draw from should be the *sum* of the clouds, the aggregated posterior
# $q(z) = \frac1N \sum_n q_\phi(z \mid x_n)$. Add and subtract $\log q(z)$ in the average divergence:
#
# $$\frac1N \sum_n \mathrm{KL}\big(q_\phi(z \mid x_n) \,\Vert\, p(z)\big)
# = \underbrace{\frac1N \sum_n \mathrm{KL}\big(q_\phi(z \mid x_n) \,\Vert\, q(z)\big)}_{I(n;\, z)}
# + \mathrm{KL}\big(q(z) \,\Vert\, p(z)\big) .$$
#
# ([Hoffman & Johnson 2016](http://approximateinference.org/accepted/HoffmanJohnson2016.pdf).) The first part is the information that $z$ has about *which* image it
# came from: at most $\log N$, and we want it. Only the second part is the mismatch between what the decoder was trained on and what we draw from.

# %% [markdown] lang="zh-CN"
# ## 先验真的被填满了吗？
#
# 损失把每一团云拉向 $\mathcal{N}(0, I)$。而我们应当从中采样的是所有云的 *总和*，即聚合后验
# $q(z) = \frac1N \sum_n q_\phi(z \mid x_n)$。在平均散度里加上再减去 $\log q(z)$：
#
# $$\frac1N \sum_n \mathrm{KL}\big(q_\phi(z \mid x_n) \,\Vert\, p(z)\big)
# = \underbrace{\frac1N \sum_n \mathrm{KL}\big(q_\phi(z \mid x_n) \,\Vert\, q(z)\big)}_{I(n;\, z)}
# + \mathrm{KL}\big(q(z) \,\Vert\, p(z)\big) .$$
#
# （[Hoffman & Johnson 2016](http://approximateinference.org/accepted/HoffmanJohnson2016.pdf)。）第一部分是 $z$ 中关于它来自 *哪一幅* 图像的信息：
# 至多 $\log N$，这正是我们想要的。只有第二部分才是解码器训练时见到的与我们采样时用的之间的不匹配。

# %%
some = train_images[:1000]


def log_aggregated(z, z_mean, z_log_var):
    """log q(z) of points [m, d], q being the mean of the clouds."""
    parts = (log_normal(part[:, None], z_mean, z_log_var) for part in np.array_split(z, max(1, len(z) // 500)))
    return np.concatenate([np.logaddexp.reduce(logs, axis=1) for logs in parts]) - math.log(len(z_mean))


mismatch = {}
for name, model in ("2 numbers", plane), ("8 numbers", vae):
    z_mean, z_log_var = posterior(model, some)
    z = z_mean + np.exp(0.5 * z_log_var) * rng.standard_normal(z_mean.shape)
    log_all = log_aggregated(z, z_mean, z_log_var)
    information = (log_normal(z, z_mean, z_log_var) - log_all).mean()
    mismatch[name] = (log_all - log_normal(z, 0.0, np.zeros(z.shape[1]))).mean()
    average = float(kl_divergence(z_mean, z_log_var).numpy().mean())
    print(
        f"{name}: average KL {average:.2f} = information {information:.2f} + mismatch {mismatch[name]:.2f} nats", end=""
    )
    print(f" (log N = {math.log(len(some)):.2f})")
    if model is plane:
        sums = average, information + mismatch[name]
        density = np.exp(log_aggregated(grid, z_mean, z_log_var)).reshape(101, 101).T
fig, axes = plt.subplots(1, 2, figsize=(7, 3.2))
prior = np.exp(log_normal(grid, 0.0, np.zeros(2))).reshape(101, 101).T
for ax, values, title in zip(axes, (density, prior), ("aggregated posterior q(z)", "prior p(z)"), strict=True):
    ax.imshow(values, origin="lower", extent=(-4, 4, -4, 4), cmap="viridis", vmax=np.quantile(density, 0.99))
    ax.set(title=title)
    ax.grid(False)
plt.tight_layout()
plt.show()

# %% [markdown] lang="en"
# The clouds together have the extent of the prior, but not its evenness: there are ridges and gaps, and the mismatch is not 0. With eight numbers it is several times as large, near 3 nats. Clouds that evenly
# fill a region where only a share of $e^{-3}$, a twentieth, of the draws from $\mathcal{N}(0, I)$ falls would have just this mismatch. The cure of the first notebook helps here as well: fit a mixture to draws from the clouds. That is the package's default,
# `prior="mixture"`; `prior="normal"` draws from $\mathcal{N}(0, I)$.

# %% [markdown] lang="zh-CN"
# 云团合起来，范围与先验相当，却没有先验那么均匀：有山脊也有缝隙，不匹配不为 0。用八个数时，它大了好几倍，接近 3 nats。假如云团均匀填满一个区域，而从 $\mathcal{N}(0, I)$ 的采样只有 $e^{-3}$ 即二十分之一落入其中，不匹配正好就是这么大。
# 第一篇的办法在这里同样有用：对云团的采样拟合一个混合高斯。这是软件包的默认设置 `prior="mixture"`；`prior="normal"` 则从 $\mathcal{N}(0, I)$ 采样。

# %%
print(vae.prepare_sampling(train_images))
kinds = {prior: vae.sample(300, seed=SEED, prior=prior) for prior in ("normal", "mixture")}
show([images[:15] for images in kinds.values()], rows=list(kinds))
far |= {f"VAE, {name}": distance(images) for name, images in kinds.items()}
print({name: round(value, 3) for name, value in far.items()})

# %% tags=["check"]
# @title Check: the parts of the KL add up, the mismatch is not 0, and the mixture draws nearer to real images
assert abs(sums[0] - sums[1]) < 0.15
assert all(value > 0.05 for value in mismatch.values())
assert far["VAE, mixture"] < far["VAE, normal"]

# %% [markdown] lang="en"
# ## How likely are images it never saw?
#
# $\mathcal{L}(x)$ is a bound on $\log p_\theta(x)$. A tighter one averages $K$ draws *before* the logarithm
# ([Burda et al. 2016](https://arxiv.org/abs/1509.00519), eq. 8):
#
# $$\mathcal{L}_K(x) = \mathbb{E}_{z_1, \dots, z_K \sim q_\phi(z \mid x)} \left[ \log \frac1K \sum_{k=1}^{K} \frac{p(z_k)\, p_\theta(x \mid z_k)}{q_\phi(z_k \mid x)} \right] \le \log p_\theta(x) .$$
#
# It is a bound by Jensen again, since the mean of the $K$ weights has the expectation $p_\theta(x)$; $K = 1$ is the ELBO, and it never falls as $K$ grows (theorem 1). The package computes both for
# test images. There a pixel is one of 256 levels, and its variance $s^2$ is chosen on training images. So the value is a true code length: so many bits for each number of an image.

# %% [markdown] lang="zh-CN"
# ## 没见过的图像有多大概率？
#
# $\mathcal{L}(x)$ 是 $\log p_\theta(x)$ 的下界。更紧的下界在取对数 *之前* 先对 $K$ 次采样求平均
# （[Burda et al. 2016](https://arxiv.org/abs/1509.00519)，式 8）：
#
# $$\mathcal{L}_K(x) = \mathbb{E}_{z_1, \dots, z_K \sim q_\phi(z \mid x)} \left[ \log \frac1K \sum_{k=1}^{K} \frac{p(z_k)\, p_\theta(x \mid z_k)}{q_\phi(z_k \mid x)} \right] \le \log p_\theta(x) .$$
#
# 它是下界，同样由 Jensen 不等式得出，因为 $K$ 个权重的平均的期望是 $p_\theta(x)$；$K = 1$ 就是 ELBO，而且 $K$ 增大时它不会下降（定理 1）。
# 软件包对测试图像计算这两者。那里每个像素是 256 个灰度级之一，方差 $s^2$ 在训练图像上选定。所以得到的是真正的编码长度：图像的每个数需要多少比特。

# %%
lengths = {"2 numbers": likelihood(plane, data, n=50), "8 numbers": likelihood(vae, data, n=50)}
for name, bounds in lengths.items():
    for bound in bounds.values():
        print(
            f"{name}: ≤ {bound.bits_per_dim:.3f} bits a number, {bound.nats:.0f} ± {bound.error:.0f} nats: {bound.method}"
        )

# %% [markdown] lang="en"
# Uncompressed, a number costs 8 bits. Eight latent numbers explain more than two, and the importance-weighted bound is a little tighter. Likelihood is one measure, not *the* measure: it counts every
# pixel's noise, and says little about how samples look.

# %% [markdown] lang="zh-CN"
# 不压缩时，每个数要 8 比特。八个隐变量比两个解释得更多，重要性加权的下界稍紧一些。似然只是一种衡量，不是 *唯一* 的衡量：
# 它把每个像素的噪声都算在内，对样本好不好看说明不了多少。

# %% tags=["check"]
# @title Check: the importance bound is tighter, and eight numbers explain more than two
for bounds in lengths.values():
    assert bounds["importance"].nats < bounds["elbo"].nats < 8 * math.log(2) * bounds["elbo"].dims
assert lengths["8 numbers"]["elbo"].nats < lengths["2 numbers"]["elbo"].nats

# %% [markdown] lang="en"
# ## What five minutes of MNIST give
#
# The package's VAE has 32 latent numbers. Above from $\mathcal{N}(0, I)$, in the middle from the mixture, below walks between samples.

# %% [markdown] lang="zh-CN"
# ## 在 MNIST 上训练五分钟的结果
#
# 软件包自带的 VAE 有 32 个隐变量。上图从 $\mathcal{N}(0, I)$ 采样，中图从混合高斯采样，下图是样本之间的漫步。

# %% tags=["cover"]
trained = genzoo.load("zoo:vae-mnist")
show(trained.sample(40, seed=SEED, prior="normal"), columns=20, scale=1, title="zoo:vae-mnist, drawn from N(0, I)")
drawn = trained.sample(40, seed=SEED)
show(drawn, columns=20, scale=1, title="zoo:vae-mnist, drawn from its mixture")
show(list(trained.interpolate(drawn[:5], drawn[5:10], 11).swapaxes(0, 1)), scale=2, title="from one digit to another")

# %% [markdown] lang="en"
# More of those from $\mathcal{N}(0, I)$ belong to no digit. The mixture knows where the clouds are.

# %% [markdown] lang="zh-CN"
# 从 $\mathcal{N}(0, I)$ 采样的图像里，有更多不像任何数字。混合高斯知道云团在哪里。

# %% [markdown] lang="en"
# ## Exercises
#
# 1. Derive $\mathrm{KL}\big(\mathcal{N}(\mu_1, \sigma_1^2) \,\Vert\, \mathcal{N}(\mu_2, \sigma_2^2)\big)$ as above, and check it against draws and against `kl_divergence`.
# 2. How many nats does each of the 32 latent numbers of `zoo:vae-mnist` carry? Set the half that carries least to zero: how far do the decoded images move, and how far with the other half?

# %% [markdown] lang="zh-CN"
# ## 练习
#
# 1. 仿照上文推导 $\mathrm{KL}\big(\mathcal{N}(\mu_1, \sigma_1^2) \,\Vert\, \mathcal{N}(\mu_2, \sigma_2^2)\big)$，并用采样和 `kl_divergence` 检验。
# 2. `zoo:vae-mnist` 的 32 个隐变量各携带多少 nats？把携带最少的一半设为零：解码出的图像会变化多少？换成另一半呢？

# %% tags=["solution"]
# @title Solution: the divergence of two Gaussians


def kl_normal(mean_1, var_1, mean_2, var_2):
    """E₁[log q₁] = -½ log(2π var₁) - ½;  E₁[log q₂] = -½ log(2π var₂) - (var₁ + (mean₁ - mean₂)²) / (2 var₂)"""
    return 0.5 * (np.log(var_2 / var_1) + (var_1 + (mean_1 - mean_2) ** 2) / var_2 - 1)


z = 0.5 + math.sqrt(0.3) * rng.standard_normal(200_000)
by_draws = (log_normal(z[:, None], 0.5, np.log([0.3])) - log_normal(z[:, None], -1.0, np.log([2.0]))).mean()
print(f"formula {kl_normal(0.5, 0.3, -1.0, 2.0):.3f}, draws {by_draws:.3f}")
assert abs(by_draws - kl_normal(0.5, 0.3, -1.0, 2.0)) < 0.02
mean, log_var = rng.standard_normal((5, 3)), rng.standard_normal((5, 3))
assert np.allclose(kl_divergence(mean, log_var), kl_normal(mean, np.exp(log_var), 0.0, 1.0).sum(axis=1))

# %% tags=["solution"]
# @title Solution: what each latent number carries
seen = trained.sample(300, seed=SEED + 1)
z, nats = trained.encode(seen), nats_each(trained, seen)
least = np.argsort(nats)[: len(nats) // 2]
moved = {}
for name, kept in (
    ("without the lesser half", np.isin(np.arange(len(nats)), least, invert=True)),
    (
        "without the greater half",
        np.isin(np.arange(len(nats)), least),
    ),
):
    moved[name] = float(
        np.square(trained.decode(np.where(kept, z, 0.0)) - trained.decode(z)).sum(axis=(1, 2, 3)).mean()
    )
print(f"{nats.sum():.1f} nats in all, from {nats.min():.2f} to {nats.max():.2f}; squared change of an image:", end=" ")
print({name: round(value, 1) for name, value in moved.items()})
assert moved["without the lesser half"] < moved["without the greater half"]

# %% [markdown] lang="en"
# ## References
#
# - D. P. Kingma, M. Welling, *Auto-encoding variational Bayes*, ICLR 2014, [arXiv:1312.6114](https://arxiv.org/abs/1312.6114).
# - D. J. Rezende, S. Mohamed, D. Wierstra, *Stochastic backpropagation and approximate inference in deep generative models*, ICML 2014, [arXiv:1401.4082](https://arxiv.org/abs/1401.4082).
# - I. Higgins et al., *beta-VAE: learning basic visual concepts with a constrained variational framework*, ICLR 2017.
# - J. Lucas, G. Tucker, R. Grosse, M. Norouzi, *Don't blame the ELBO! A linear VAE perspective on posterior collapse*, NeurIPS 2019, [arXiv:1911.02469](https://arxiv.org/abs/1911.02469).
# - M. D. Hoffman, M. J. Johnson, *ELBO surgery*, NIPS workshop, 2016.
# - Y. Burda, R. Grosse, R. Salakhutdinov, *Importance weighted autoencoders*, ICLR 2016, [arXiv:1509.00519](https://arxiv.org/abs/1509.00519).
# - P. Ghosh et al., *From variational to deterministic autoencoders*, ICLR 2020, [arXiv:1903.12436](https://arxiv.org/abs/1903.12436).
#
# Next: [the conditional VAE](03_cvae.ipynb), which is told the label.

# %% [markdown] lang="zh-CN"
# ## 参考文献
#
# - D. P. Kingma, M. Welling, *Auto-encoding variational Bayes*, ICLR 2014, [arXiv:1312.6114](https://arxiv.org/abs/1312.6114)。
# - D. J. Rezende, S. Mohamed, D. Wierstra, *Stochastic backpropagation and approximate inference in deep generative models*, ICML 2014, [arXiv:1401.4082](https://arxiv.org/abs/1401.4082)。
# - I. Higgins et al., *beta-VAE: learning basic visual concepts with a constrained variational framework*, ICLR 2017。
# - J. Lucas, G. Tucker, R. Grosse, M. Norouzi, *Don't blame the ELBO! A linear VAE perspective on posterior collapse*, NeurIPS 2019, [arXiv:1911.02469](https://arxiv.org/abs/1911.02469)。
# - M. D. Hoffman, M. J. Johnson, *ELBO surgery*, NIPS workshop, 2016。
# - Y. Burda, R. Grosse, R. Salakhutdinov, *Importance weighted autoencoders*, ICLR 2016, [arXiv:1509.00519](https://arxiv.org/abs/1509.00519)。
# - P. Ghosh et al., *From variational to deterministic autoencoders*, ICLR 2020, [arXiv:1903.12436](https://arxiv.org/abs/1903.12436)。
#
# 下一篇：[条件变分自编码器](03_cvae.ipynb)，它会得知标签。
