# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown] lang="en"
# # 4. Denoising, from scratch
#
# At the end you will have a network that turns pure noise into digits, you will know why it needs many small steps for
# it, and how much noise a careless walk leaves behind.
#
# **The question.** An autoencoder squeezes an image through a bottleneck. Here we spoil the image instead, by noise, and
# ask a network to repair it. If it could repair *any* amount of noise, it could start from noise alone, and that would
# be a generative model. Can it?

# %% [markdown] lang="zh-CN"
# # 4. 从零开始的去噪
#
# 读完本篇，你会得到一个能把纯噪声变成数字图像的网络，并且明白为什么这件事要分许多小步来做，以及走法不当会留下多少噪声。
#
# **问题。** 自编码器让图像穿过一个瓶颈。这里我们换一种做法：用噪声破坏图像，再让网络把它修好。如果它能修复 *任意* 程度的噪声，
# 就可以从纯噪声出发，这便是一个生成模型。它做得到吗？

# %%
DATA = "digits"  # or "mnist", "fashion_mnist", "folder:PATH": any name that `genzoo train --data` takes
SIZE = 16  # pixels a side; None: the set's own
STEPS = 400  # of each training here; more: better pictures
SEED = 0

# %%
import matplotlib.pyplot as plt
import numpy as np

import genzoo
from genzoo.data.pixels import to_float
from genzoo.models.blend import Blend
from genzoo.networks.unet import UNet
from genzoo.pictures.show import show, show_source, slider
from genzoo.stack import keras, tf

plt.rcParams.update({"figure.dpi": 80, "figure.figsize": (6, 3), "axes.grid": True, "grid.alpha": 0.3})
data = genzoo.load_data(DATA, image_size=SIZE)
train_images, test_images = to_float(data.train_images), to_float(data.test_images[:1000])  # [N, H, W, C] in [-1, 1]
rng = np.random.default_rng(SEED)
show(train_images[:20], columns=10, title=f"{data.name}: {len(train_images):,} training images")

# %% [markdown] lang="en"
# ## Corruption
#
# Blend an image $x_0$ with noise $n$ by an amount $a$ between 0 and 1:
#
# $$x = (1 - a)\,x_0 + a\,n, \qquad n \sim \mathcal{N}(0, I).$$
#
# At $a = 0$ nothing happens, at $a = 1$ nothing of the image is left. The code calls them `images`, `amount`, `noise`.

# %% [markdown] lang="zh-CN"
# ## 损坏
#
# 用一个介于 0 和 1 之间的量 $a$，把图像 $x_0$ 与噪声 $n$ 混合：
#
# $$x = (1 - a)\,x_0 + a\,n, \qquad n \sim \mathcal{N}(0, I).$$
#
# $a = 0$ 时什么也不变，$a = 1$ 时图像荡然无存。代码里它们叫 `images`、`amount`、`noise`。


# %%
def blend(images, amount, noise):
    return (1 - amount) * images + amount * noise


AMOUNTS = (0.0, 0.25, 0.5, 0.75, 1.0)
eight = test_images[:8]
noise = rng.standard_normal(eight.shape).astype("float32")
show([blend(eight, a, noise) for a in AMOUNTS], rows=[f"a = {a}" for a in AMOUNTS])

# %% [markdown] lang="en"
# Down to the middle row you can still tell the digits. In the row of 0.75 you begin to guess, and in the last row all
# eight pictures are the same to you: noise.
#
# ## The task, and why its best answer is a blur
#
# Give the network the spoilt image $x$, and let $g(x)$ be what it answers. Train it on the mean squared error
#
# $$L(g) = \mathbb{E}\,\lVert x_0 - g(x) \rVert^2 .$$
#
# Which $g$ is the best there can be? Write $m(x) = \mathbb{E}[x_0 \mid x]$ for the mean of all the images that this
# $x$ may have come from, each weighted by its probability. Add and subtract it:
#
# $$\mathbb{E}\lVert x_0 - g \rVert^2 = \mathbb{E}\lVert x_0 - m \rVert^2 + \mathbb{E}\lVert m - g \rVert^2
# + 2\,\mathbb{E}\,\langle x_0 - m,\; m - g \rangle .$$
#
# The last term is zero. Once $x$ is given, $m(x) - g(x)$ is a fixed vector and only $x_0$ is random, so its conditional
# mean is $\langle \mathbb{E}[x_0 \mid x] - m(x),\; m(x) - g(x) \rangle = 0$. The first term does not depend on $g$, and
# the second is smallest, zero, at $g = m$. So
#
# $$g^*(x) = \mathbb{E}[x_0 \mid x].$$
#
# **The best answer is a mean of images, and a mean of different images is a blur.** No network and no training cures
# that. The loss has a floor too: $\mathbb{E}\lVert x_0 - m \rVert^2$, the part of the image that $x$ does not tell.
#
# The smallest example is a coin: $x_0$ is $-1$ or $+1$, equally often. Bayes' rule with the two Gaussians
# $\mathcal{N}(\pm(1-a), a^2)$ gives the odds $\exp(2(1-a)x/a^2)$ of $+1$ against $-1$, and the mean
#
# $$m(x) = \tanh\frac{(1-a)\,x}{a^2} .$$
#
# *Predict, then run:* what is the best guess at $x = 0$, and is it a side of the coin?

# %% [markdown] lang="zh-CN"
# 看到中间一行，数字还认得出来；到 0.75 那一行就要猜了；最后一行的八张图在你眼里都一样：噪声。
#
# ## 任务，以及为什么最好的答案是一片模糊
#
# 把损坏的图像 $x$ 交给网络，记它的回答为 $g(x)$。训练时用均方误差
#
# $$L(g) = \mathbb{E}\,\lVert x_0 - g(x) \rVert^2 .$$
#
# 可能的 $g$ 里哪一个最好？记 $m(x) = \mathbb{E}[x_0 \mid x]$，即所有可能产生这个 $x$ 的图像按概率加权的平均。加上它再减去它：
#
# $$\mathbb{E}\lVert x_0 - g \rVert^2 = \mathbb{E}\lVert x_0 - m \rVert^2 + \mathbb{E}\lVert m - g \rVert^2
# + 2\,\mathbb{E}\,\langle x_0 - m,\; m - g \rangle .$$
#
# 最后一项为零：给定 $x$ 之后，$m(x) - g(x)$ 是固定的向量，只有 $x_0$ 是随机的，所以它的条件均值是
# $\langle \mathbb{E}[x_0 \mid x] - m(x),\; m(x) - g(x) \rangle = 0$。第一项与 $g$ 无关，第二项在 $g = m$ 时最小，等于零。因此
#
# $$g^*(x) = \mathbb{E}[x_0 \mid x].$$
#
# **最好的答案是许多图像的平均，而不同图像的平均就是模糊。** 换什么网络、怎么训练都治不好。损失也有一个下限：
# $\mathbb{E}\lVert x_0 - m \rVert^2$，即 $x$ 没有告诉我们的那部分图像。
#
# 最小的例子是一枚硬币：$x_0$ 以相同的概率取 $-1$ 或 $+1$。对两个高斯分布 $\mathcal{N}(\pm(1-a), a^2)$ 用贝叶斯公式，
# $+1$ 对 $-1$ 的胜算比是 $\exp(2(1-a)x/a^2)$，于是均值为
#
# $$m(x) = \tanh\frac{(1-a)\,x}{a^2} .$$
#
# *先预测，再运行：* 在 $x = 0$ 处最好的猜测是多少？它是硬币的某一面吗？

# %%
coin = rng.choice([-1.0, 1.0], 100_000)
line = np.linspace(-1.5, 1.5, 200)
best = {a: np.tanh((1 - a) * line / a**2) for a in (0.3, 0.5, 0.8)}
measured = {}
for a in best:
    x = blend(coin, a, rng.standard_normal(coin.shape))
    bins = np.linspace(-1.5, 1.5, 25)
    where = np.digitize(x, bins)
    centres = (bins[1:] + bins[:-1]) / 2
    measured[a] = np.array([coin[where == i].mean() for i in range(1, len(bins))])
    plt.plot(line, best[a], label=f"tanh, a = {a}")
    plt.plot(centres, measured[a], ".", color="k", markersize=4)
plt.xlabel("x")
plt.ylabel("mean of the coins behind x")
plt.legend()
plt.show()

# %% [markdown] lang="en"
# The dots are means of simulated coins, the lines are the formula. The more noise, the flatter the line: with much noise
# the best guess stays near 0, which no coin ever shows. Images do the same, pixel by pixel and all at once.

# %% [markdown] lang="zh-CN"
# 圆点是模拟硬币的平均，曲线是公式。噪声越多，曲线越平：噪声很大时，最好的猜测停在 0 附近，而硬币从来不会是 0。
# 图像也是这样，只不过是所有像素同时如此。

# %% tags=["check"]
# @title Check: the best guess at a coin is the tanh
for a in best:
    exact = np.tanh((1 - a) * centres / a**2)
    assert np.abs(measured[a] - exact).max() < 0.12, a
    assert np.abs(measured[a] - exact).mean() < 0.03, a

# %% [markdown] lang="en"
# ## The network
#
# A U-Net looks at the image at several sizes: on the way down to find out which digit it may be, on the way up to draw
# it, with a path at full resolution that knows each pixel's noise. The package has a small one. It is told the amount
# $a$ too, by an embedding that every block gets (notebook 5 looks at that).

# %% [markdown] lang="zh-CN"
# ## 网络
#
# U-Net 在几种尺寸上看图像：往下走时弄清它可能是哪个数字，往上走时把它画出来，另有一条全分辨率的通路，知道每个像素的噪声。
# 包里有一个小的 U-Net。它还被告知噪声量 $a$，办法是给每个模块一个嵌入向量（第 5 篇会细看）。

# %%
show_source(UNet.call, Blend.predict_x0, Blend.loss_terms)

# %% [markdown] lang="en"
# `loss_terms` is the whole method: draw an amount for each image, blend, predict, square. `told` are labels, which we
# leave out here (`clusters=0`). Training is Keras' plain `fit`.

# %% [markdown] lang="zh-CN"
# `loss_terms` 就是全部的方法：为每张图像抽一个噪声量，混合，预测，求平方误差。`told` 是标签，这里先不用（`clusters=0`）。
# 训练就是 Keras 普通的 `fit`。


# %%
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
model = genzoo.build("blend", image_shape=data.image_shape, clusters=0, widths=(32, 64))
losses = train(model)
print(f"{sum(np.prod(w.shape) for w in model.network.weights):,} weights, {STEPS} steps of 32 images")
plt.figure(figsize=(5, 2.2))
plt.plot(losses, "o-")
plt.xlabel("epoch")
plt.ylabel("squared error a pixel")
plt.show()

# %% [markdown] lang="en"
# ## What it predicts
#
# *Predict, then run:* what will it answer to pure noise, which tells nothing about the image? By the derivation, the
# mean over *everything*: $\mathbb{E}[x_0 \mid x] = \mathbb{E}[x_0]$.

# %% [markdown] lang="zh-CN"
# ## 它预测了什么
#
# *先预测，再运行：* 纯噪声对图像一无所知，它会怎么回答？按推导，是对 *一切* 图像的平均：
# $\mathbb{E}[x_0 \mid x] = \mathbb{E}[x_0]$。


# %%
@tf.function(reduce_retracing=True)
def _predict(x, amount):
    labels = tf.zeros(tf.shape(x)[:1], tf.int32)
    return model.predict_x0(model.ema, x, tf.fill(tf.shape(x)[:1], amount), labels)


def predict(x, amount):
    return _predict(tf.constant(x, tf.float32), tf.constant(amount, tf.float32)).numpy()


shown = (0.25, 0.5, 0.75, 0.9, 1.0)
rows, names = [eight], ["image"]
for a in shown:
    x = blend(eight, a, noise)
    rows += [x, predict(x, a)]
    names += [f"a = {a}", "prediction"]
show(rows, rows=names)
mean_image = train_images.mean(0)
show([mean_image[None]], title="the mean of all training images", scale=5)

# %% [markdown] lang="en"
# With little noise it repairs well. From 0.75 on, the answers lose their edges, and at pure noise all eight answers are
# one grey cloud, but for a little noise that this short training left: the mean of all training images.
#
# The theory says more. Put $g = \mathbb{E}[x_0]$ into the equation above, and it becomes an account of the variance:
#
# $$\underbrace{\mathbb{E}\lVert x_0 - \mathbb{E}[x_0] \rVert^2}_{\text{variance of the images}} =
# \underbrace{\mathbb{E}\lVert x_0 - m \rVert^2}_{\text{error}} +
# \underbrace{\mathbb{E}\lVert m - \mathbb{E}[x_0] \rVert^2}_{\text{variance of the predictions}} .$$
#
# What is lost in error is missing in the predictions: as much as they err, so much too alike they are. Blur is that.

# %% [markdown] lang="zh-CN"
# 噪声少时修复得很好。从 0.75 起，回答失去了边缘；到了纯噪声，八个回答是同一团灰影（除了这次短训练留下的一点噪声）：所有训练图像的平均。
#
# 理论还能多说一句。在上面的等式里代入 $g = \mathbb{E}[x_0]$，它就成了一本方差的账：
#
# $$\underbrace{\mathbb{E}\lVert x_0 - \mathbb{E}[x_0] \rVert^2}_{\text{variance of the images}} =
# \underbrace{\mathbb{E}\lVert x_0 - m \rVert^2}_{\text{error}} +
# \underbrace{\mathbb{E}\lVert m - \mathbb{E}[x_0] \rVert^2}_{\text{variance of the predictions}} .$$
#
# 误差里多出来的，正是预测里缺少的：错了多少，预测之间就雷同了多少。这就是模糊。

# %%
amounts = np.linspace(0.05, 1, 12)
many = test_images[:297]
fresh = rng.standard_normal(many.shape).astype("float32")
total = np.square(many - mean_image).mean()
error, spread = [], []
for a in amounts:
    guess = predict(blend(many, a, fresh), a)
    error.append(np.square(many - guess).mean())
    spread.append(np.square(guess - mean_image).mean())
error, spread = np.array(error), np.array(spread)
plt.stackplot(amounts, error, spread, labels=["error", "variance of the predictions"], colors=["#d95f02", "#7570b3"])
plt.axhline(total, color="k", label="variance of the images")
plt.xlabel("amount of noise a")
plt.ylabel("a pixel")
plt.legend(loc="lower left")
plt.show()

# %% [markdown] lang="en"
# The two areas fill the height of the black line, nearly, at every amount of noise. The network was never told of this
# account; it holds because the network comes close to the conditional mean.

# %% [markdown] lang="zh-CN"
# 在每一个噪声量上，两块面积加起来几乎正好填到黑线。没有人把这本账告诉过网络；它成立，是因为网络接近条件均值。

# %% tags=["check"]
# @title Check: pure noise is answered by the mean image, and the account of the variance holds
at_noise = predict(blend(many, 1.0, fresh), 1.0)
assert np.square(at_noise - mean_image).mean() < 0.1 * total
assert (np.abs(error + spread - total) < 0.2 * total).all(), (error + spread) / total
assert error[0] < 0.2 * error[-1] and spread[-1] < 0.2 * spread[0]

# %% [markdown] lang="en"
# ## From noise to an image: many small moves
#
# So one prediction from noise is useless: it is always the same cloud. The way out: **move only a part of the way to
# the prediction**, and ask again. The new $x$ is a little less noisy and leans towards *some* images, so the next mean
# is over fewer of them. Each answer decides a bit more.
#
# In step $i$ of $n$ move a share $s_i$ of the way to the prediction $\hat x_0^{(i)}$:
#
# $$x^{(i+1)} = x^{(i)} + s_i\,(\hat x_0^{(i)} - x^{(i)}), \qquad s_i = \frac{1}{n - i}, \quad i = 0, \dots, n-1 .$$
#
# Below, the left half is what the network reads, the right half what it predicts from it, one row a step.

# %% [markdown] lang="zh-CN"
# ## 从噪声到图像：许多小步
#
# 从噪声出发，只预测一次是没有用的：得到的总是同一团灰影。出路是 **只朝预测走一部分路**，然后再问一次。新的 $x$ 噪声少了一点，
# 而且偏向了 *某些* 图像，于是下一个均值是对更少的图像求的。每回答一次，就多决定一点。
#
# 在 $n$ 步中的第 $i$ 步，朝预测 $\hat x_0^{(i)}$ 走一个份额 $s_i$：
#
# $$x^{(i+1)} = x^{(i)} + s_i\,(\hat x_0^{(i)} - x^{(i)}), \qquad s_i = \frac{1}{n - i}, \quad i = 0, \dots, n-1 .$$
#
# 下图左半是网络读到的，右半是它由此作出的预测，一步一行。

# %% tags=["cover"]
COUNT = 7


def two_columns(path, names):
    gap = np.full_like(path[0][0][:1], -0.25)
    show([np.concatenate([x, gap, x_0]) for x, x_0 in path], rows=names, title="what the network reads | predicts")


path = model.trajectory(COUNT, seed=SEED, frames=8, steps=8)
two_columns(path, [f"step {i + 1}" for i in range(8)] + ["end"])

# %% [markdown] lang="en"
# In the first row all predictions are the same cloud, as derived. A few rows later each has made up its mind, and from
# then on the left side mostly gets rid of noise. The last row on the left is the finished image.

# %% [markdown] lang="zh-CN"
# 第一行的预测都是同一团灰影，和推导的一样。几行之后，每张图都拿定了主意；再往后，左边主要是在去掉噪声。左边最后一行就是成品。

# %%
counts = (1, 2, 4, 8, 20)
by_steps = {n: model.sample(16, seed=SEED, steps=n) for n in counts}
show(list(by_steps.values()), rows=[f"{n} steps" for n in counts], columns=16)
real_contrast = many.std(0).mean()
for n, images in by_steps.items():
    print(
        f"{n:2} steps: deviation of a pixel among samples {images.std(0).mean():.3f} (real images {real_contrast:.3f})"
    )

# %% [markdown] lang="en"
# One step gives sixteen times the mean image. With more steps the samples come to differ nearly as much as real images
# do, and get their edges.

# %% [markdown] lang="zh-CN"
# 只走一步，得到的是十六张平均图像。步数增加，样本之间的差别就接近真实图像那么大了，边缘也出来了。

# %% tags=["check"]
# @title Check: one step gives the mean, many steps give different images
assert np.abs(by_steps[1] - mean_image).mean() < 0.15
assert by_steps[1].std(0).mean() < 0.5 * by_steps[20].std(0).mean()
assert by_steps[20].std(0).mean() > 0.6 * real_contrast

# %% [markdown] lang="en"
# ## What a share leaves over
#
# Some tutorials move a *fixed* share, say 20 % of the way, five times. How much of the starting noise is then left? A
# step multiplies what was there by $1 - s_i$ and adds $s_i$ times the prediction. So after $n$ steps
#
# $$x^{(n)} = \Bigl(\prod_{i=0}^{n-1} (1 - s_i)\Bigr) x^{(0)} + \sum_{i=0}^{n-1} s_i
# \Bigl(\prod_{j=i+1}^{n-1} (1 - s_j)\Bigr)\, \hat x_0^{(i)} .$$
#
# - **A fixed share $s$** leaves $(1-s)^n$ of the starting noise. For $s = 0.2$ and $n = 5$ that is
# $0.8^5 = 0.328$: **a third of the picture is still noise.** It falls with more steps, but no number of steps makes it 0.
# - **The share $1/(n-i)$** has $1 - s_i = \frac{n-i-1}{n-i}$. In the product each numerator is the next denominator, and
# all cancel but the ends. After $k$ steps
#
# $$\prod_{i=0}^{k-1} \frac{n-i-1}{n-i} = \frac{n-1}{n}\cdot\frac{n-2}{n-1}\cdots\frac{n-k}{n-k+1} = \frac{n-k}{n} .$$
#
# So the noise falls by $1/n$ in every step, and after $n$ steps it is exactly 0. The last share is 1: the walk ends *on*
# its last prediction.
#
# It is more than a trick. With $a$ as the time, the noise falls evenly, and a step is Euler's method for
# $\frac{dx}{da} = \frac{x - \hat x_0}{a}$, the straight flow between noise and data of
# [Liu et al. 2023](https://arxiv.org/abs/2209.03003). The package has both ways:

# %% [markdown] lang="zh-CN"
# ## 一个份额会剩下什么
#
# 有些教程每次走 *固定* 的份额，比如 20 %，走五次。那么起始噪声还剩多少？每一步把原有的乘以 $1 - s_i$，再加上 $s_i$ 倍的预测。所以
# $n$ 步之后
#
# $$x^{(n)} = \Bigl(\prod_{i=0}^{n-1} (1 - s_i)\Bigr) x^{(0)} + \sum_{i=0}^{n-1} s_i
# \Bigl(\prod_{j=i+1}^{n-1} (1 - s_j)\Bigr)\, \hat x_0^{(i)} .$$
#
# - **固定份额 $s$** 剩下起始噪声的 $(1-s)^n$。当 $s = 0.2$、$n = 5$ 时，就是 $0.8^5 = 0.328$：**图里还有三分之一是噪声。**
# 步数越多剩得越少，但走多少步都不会是 0。
# - **份额 $1/(n-i)$** 使 $1 - s_i = \frac{n-i-1}{n-i}$。连乘时，每个分子恰好是下一个分母，除了两头全都约掉。$k$ 步之后
#
# $$\prod_{i=0}^{k-1} \frac{n-i-1}{n-i} = \frac{n-1}{n}\cdot\frac{n-2}{n-1}\cdots\frac{n-k}{n-k+1} = \frac{n-k}{n} .$$
#
# 所以每一步噪声减少 $1/n$，$n$ 步之后恰好为 0。最后一个份额是 1：路的终点就 *在* 最后一次预测上。
#
# 这不只是个技巧。把 $a$ 当作时间，噪声匀速减少，一步就是对 $\frac{dx}{da} = \frac{x - \hat x_0}{a}$ 的一次欧拉法，
# 即 [Liu et al. 2023](https://arxiv.org/abs/2209.03003) 里噪声与数据之间的直线流。包里两种走法都有：

# %%
show_source(Blend.shares)


def left_over(shares):
    """The share of the starting noise after 0, 1, … steps."""
    return np.concatenate([[1.0], np.cumprod(1 - shares)])


plans = {"20 % each time": Blend.shares(5, 0.2), "1/(n-i)": Blend.shares(5), "20 %, 20 steps": Blend.shares(20, 0.2)}
for (name, shares), style in zip(plans.items(), ("s-", "o-", ".:"), strict=True):
    plt.plot(left_over(shares), style, markersize=6, label=f"{name}: {left_over(shares)[-1]:.1%} left")
plt.xlabel("steps done")
plt.ylabel("share of the starting noise")
plt.legend()
plt.show()

# %%
walks = {
    "20 %, 5 steps": model.trajectory(10, seed=SEED, frames=5, steps=5, share=0.2),
    "1/(n-i), 5 steps": model.trajectory(10, seed=SEED, frames=5, steps=5),
    "1/(n-i), 20 steps": model.trajectory(10, seed=SEED, frames=20, steps=20),
}
show([walk[-1][0] for walk in walks.values()], rows=list(walks), title="where three walks from one noise end")

# %% [markdown] lang="en"
# The first row is covered with the third of the noise that the product promised. The other two rows have none left. The
# last one is sharper than the second for another reason: five steps decide coarsely, twenty more finely.

# %% [markdown] lang="zh-CN"
# 第一行盖着连乘所预告的那三分之一噪声。另外两行一点不剩。最后一行比第二行清晰，另有原因：五步决定得粗，二十步决定得细。

# %% tags=["check"]
# @title Check: the end is so much starting noise and so much of each prediction, as derived
assert np.isclose(left_over(Blend.shares(5, 0.2))[-1], 0.8**5) and np.isclose(0.8**5, 0.328, atol=5e-4)
for n in (1, 2, 5, 20, 1000):
    assert np.allclose(left_over(Blend.shares(n)), 1 - np.arange(n + 1) / n)
for name, shares in {"20 %, 5 steps": Blend.shares(5, 0.2), "1/(n-i), 5 steps": Blend.shares(5)}.items():
    walk, after = walks[name], np.append(np.cumprod((1 - shares)[::-1])[::-1], 1)[1:]
    made = np.prod(1 - shares) * walk[0][0] + sum(
        s * w * x_0 for s, w, (_, x_0) in zip(shares, after, walk, strict=False)
    )
    assert np.abs(made - walk[-1][0]).max() < 1e-4, name
assert np.abs(walks["1/(n-i), 5 steps"][-1][0] - walks["1/(n-i), 5 steps"][-1][1]).max() < 1e-5

# %% [markdown] lang="en"
# ## What if the network is not told how much noise there is?
#
# Some tutorials give the network the spoilt image alone. Then one answer has to serve all amounts:
# $\mathbb{E}[x_0 \mid x]$ averages over $a$ too. *Predict, then run:* how much worse will it be? The experiment is one
# line: a `Blend` that always says 0.

# %% [markdown] lang="zh-CN"
# ## 如果不告诉网络有多少噪声呢？
#
# 有些教程只把损坏的图像交给网络。那么一个回答要应付所有的噪声量：$\mathbb{E}[x_0 \mid x]$ 连 $a$ 也平均了。
# *先预测，再运行：* 会差多少？实验只要一行：一个总是说 0 的 `Blend`。


# %%
class Blind(Blend):
    family = "blend"  # it has that one's options

    def predict_x0(self, network, x, amount, labels):
        return super().predict_x0(network, x, tf.zeros_like(amount), labels)


keras.utils.set_random_seed(SEED)
blind = Blind(data.image_shape, clusters=0, widths=(32, 64))
blind_losses = train(blind)

# %%
_blind = tf.function(
    lambda x: blind.predict_x0(blind.ema, x, tf.zeros(tf.shape(x)[:1]), tf.zeros(tf.shape(x)[:1], tf.int32)),
    reduce_retracing=True,
)
blind_error = np.array(
    [np.square(many - _blind(tf.constant(blend(many, a, fresh), tf.float32)).numpy()).mean() for a in amounts]
)
plt.plot(amounts, error, "o-", label="told the amount")
plt.plot(amounts, blind_error, "s--", label="not told")
plt.axhline(total, color="k", linewidth=1, label="variance of the images")
plt.xlabel("amount of noise a")
plt.ylabel("squared error a pixel")
plt.legend()
plt.show()
for a, e, b in zip(amounts[::2], error[::2], blind_error[::2], strict=True):
    print(f"a = {a:.2f}: told {e:.4f}, not told {b:.4f}, ratio {b / e:.2f}")
ends = {"told": model.sample(14, seed=SEED, steps=20), "not told": blind.sample(14, seed=SEED, steps=20)}
show(list(ends.values()), rows=list(ends), columns=14, title="20 steps from the same noise")

background = blend(eight, 0.25, noise)[:, :, [0, -1]], blend(eight, 0.5, noise)[:, :, [0, -1]]
print(
    "pixels at the left and right border scatter by",
    *(f"{pixels.std():.2f}" for pixels in background),
    "at a = 0.25, 0.5",
)

# %% [markdown] lang="en"
# Perhaps you expected more. Over most amounts the blind network is only a few percent worse, and it draws digits as well. An image of many pixels **shows how noisy it is**: its background
# scatters by $a$, and the network can read that off ([Sun et al. 2025](https://arxiv.org/abs/2502.13129) find the same for large models). Where it does pay is at the clean end, where the
# error is tiny and to know that there is nothing to repair is worth most. It costs one embedding, so we tell it.

# %% [markdown] lang="zh-CN"
# 也许你预期的差别更大。在大多数噪声量上，不知情的网络只差百分之几，画出的数字也一样好。由许多像素组成的图像 **自己就显示出有多少噪声**：它的背景以 $a$ 的幅度起伏，网络读得出来
# （[Sun et al. 2025](https://arxiv.org/abs/2502.13129) 在大模型上也发现了这一点）。真正有用的是干净的一端：那里误差极小，知道没有什么可修最值钱。代价只是一个嵌入向量，所以我们告诉它。

# %% tags=["check"]
# @title Check: blindness costs little in the middle, and most, in proportion, at the clean end
assert (blind_error[3:-1] < 1.25 * error[3:-1]).all()
assert blind_error[0] > 1.1 * error[0]
assert blind_error[0] / error[0] > (blind_error / error)[3:-1].max()

# %% [markdown] lang="en"
# ## What longer training gives
#
# The package brings a `blend` trained on MNIST for five minutes. It also knows groups of like images and leans towards one of them by *guidance*; notebooks 5 and 6 say what that is. The walk
# is the one above, in 20 steps, of which eight are shown.

# %% [markdown] lang="zh-CN"
# ## 更长的训练带来什么
#
# 包里带有一个在 MNIST 上训练了五分钟的 `blend`。它还认得相似图像的分组，并用 *引导* 偏向其中一组；那是什么，见第 5 篇和第 6 篇。走法与上面相同，共 20 步，这里显示其中八步。

# %%
zoo = genzoo.load("zoo:blend-mnist")
walk = zoo.trajectory(7, seed=SEED, frames=8, steps=20)
gap = np.full_like(walk[0][0][:1], -0.25)
show([np.concatenate([x, gap, x_0]) for x, x_0 in walk], title="x some steps ago | the prediction now", scale=2)
show(zoo.sample(40, seed=SEED + 1), columns=20, title="zoo:blend-mnist", scale=2)
print(f"{zoo.evaluations(steps=20)} network evaluations an image: a guided step takes two")

# %% [markdown] lang="en"
# The strokes are better, and there is no cloud in the first rows: the group decides at once what our small model had to find in the noise. Without a group the cloud is back, as
# you can see when you move the amount of noise yourself, on images that this model drew:

# %% [markdown] lang="zh-CN"
# 笔画更好了，而且最初几行没有灰影：我们的小模型要在噪声里寻找的决定，分组一下子就做了。不告诉它分组，灰影就又回来了；
# 自己移动噪声量便能看到，用的是这个模型画出的图像：

# %%
shapes = zoo.sample(10, seed=SEED)
mist = rng.standard_normal(shapes.shape).astype("float32")


@tf.function(reduce_retracing=True)
def repaired(x, amount):
    n = tf.shape(x)[:1]
    return zoo.predict_x0(zoo.ema, x, tf.fill(n, amount), tf.fill(n, zoo.label_count))  # of no group


def draw(a):
    x = blend(shapes, np.float32(a), mist)
    show([x, repaired(tf.constant(x), tf.constant(a, tf.float32)).numpy()], rows=["x", "prediction"], scale=2)


slider(draw, "a", [0.1, 0.3, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0], 0.6)

# %% [markdown] lang="en"
# ## Exercises
#
# 1. A walk that moves 20 % each time: after how many steps is less than 1 % of the starting noise left? Compute it, then walk it and look.
# 2. Train on the absolute error $\mathbb{E}\,|x_0 - g(x)|$ instead of the square. What is the best guess at the coin now? Would that cure the blur?

# %% [markdown] lang="zh-CN"
# ## 练习
#
# 1. 每次走 20 %：要多少步，起始噪声才剩不到 1 %？先计算，再走一遍看看。
# 2. 把平方误差换成绝对误差 $\mathbb{E}\,|x_0 - g(x)|$ 来训练。现在对硬币最好的猜测是什么？这样能治好模糊吗？

# %% tags=["solution"]
# @title Solution: 1, how many steps of 20 %
n = int(np.ceil(np.log(0.01) / np.log(0.8)))
print(f"0.8^n < 0.01 from n = {n} on: {0.8**n:.4f}; one step less leaves {0.8 ** (n - 1):.4f}")
show(model.sample(14, seed=SEED, steps=n, share=0.2), columns=14, title=f"20 % each time, {n} steps")
assert 0.8**n < 0.01 <= 0.8 ** (n - 1)

# %% tags=["solution"]
# @title Solution: 2, the best guess by absolute error
# The mean of |x_0 - g| is least at the median of x_0 given x. For a coin with P(+1) = p: |1 - g| p + |1 + g| (1 - p) is
# linear in g on [-1, 1], so that the best g is a side, the likelier one: sign(x).
a = 0.5
x = blend(coin, a, rng.standard_normal(coin.shape))
guesses = np.linspace(-1, 1, 21)
for low in (-0.3, 0.05, 0.3):
    behind = coin[(x > low) & (x < low + 0.1)]
    best_guess = guesses[np.argmin([np.abs(behind - g).mean() for g in guesses])]
    print(f"x near {low + 0.05:5.2f}: best by absolute error {best_guess:5.2f}, by squared error {behind.mean():5.2f}")
    assert best_guess == np.sign(low + 0.05)
# The guess is sharp now, and wrong as often as the other side is the truth. In images it is the median of each pixel on
# its own: still no image, and at pure noise the same for all.

# %% [markdown] lang="en"
# ## References
#
# - Ronneberger et al. 2015, *U-Net*, [arXiv:1505.04597](https://arxiv.org/abs/1505.04597).
# - Liu, Gong, Liu 2023, *Flow straight and fast: rectified flow*, [arXiv:2209.03003](https://arxiv.org/abs/2209.03003): the straight way from noise to data, eq. 1.
# - Heitz et al. 2023, *Iterative α-(de)blending*, [arXiv:2305.03486](https://arxiv.org/abs/2305.03486): generation by blending, derived without a chain.
# - Sun et al. 2025, *Is noise conditioning necessary for denoising generative models?*, [arXiv:2502.13129](https://arxiv.org/abs/2502.13129).
#
# Next: [5. Denoising diffusion](05_ddpm.ipynb), where the walk becomes a probability model.

# %% [markdown] lang="zh-CN"
# ## 参考文献
#
# - Ronneberger et al. 2015, *U-Net*, [arXiv:1505.04597](https://arxiv.org/abs/1505.04597)。
# - Liu, Gong, Liu 2023, *Flow straight and fast: rectified flow*, [arXiv:2209.03003](https://arxiv.org/abs/2209.03003)：从噪声到数据的直路，式 1。
# - Heitz et al. 2023, *Iterative α-(de)blending*, [arXiv:2305.03486](https://arxiv.org/abs/2305.03486)：不用链条，由混合推导出生成。
# - Sun et al. 2025, *Is noise conditioning necessary for denoising generative models?*, [arXiv:2502.13129](https://arxiv.org/abs/2502.13129)。
#
# 下一篇：[5. 去噪扩散](05_ddpm.ipynb)，让这条路成为概率模型。
