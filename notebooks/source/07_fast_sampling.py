# %% [markdown] lang="en"
# # 7. Fast sampling: from a thousand steps to seven
#
# A diffusion model learns from a thousand noise levels. It need not be sampled with a thousand steps. At the end you will
# have derived DDIM, measured why DPM-Solver++ and UniPC need fewer steps still, and written a sampler of your own in ten lines.
# %% [markdown] lang="zh-CN"
# # 7. 快速采样：从一千步到七步
#
# 扩散模型用一千个噪声水平来学习，但采样时不必走一千步。读完本篇，你会推导出 DDIM，
# 用实测弄清 DPM-Solver++ 和 UniPC 为什么还能再省步数，并用十行代码写出自己的采样器。
# %%
MODEL = "zoo:cddpm-digits"  # or "zoo:cddpm-mnist" where MNIST is at hand, or the run folder of any cddpm
T = 1000  # times of the noise in the experiments without a network
N = 256  # images in each measurement of quality, at least 256
SEED = 0
# %%
import matplotlib.pyplot as plt
import numpy as np

from genzoo import load, load_data
from genzoo.diffusion import formulas, samplers
from genzoo.diffusion.schedules import make_schedule
from genzoo.diffusion.spacings import time_pairs, time_steps
from genzoo.pictures.show import show, show_source, slider

plt.rcParams |= {"figure.figsize": (7, 3), "figure.dpi": 80, "figure.constrained_layout.use": True}
model = load(MODEL)
LABELS = np.arange(10) % model.num_classes
PLAIN = {"guidance": 1.0}  # no guidance, so that a step is one evaluation of the network

thousand = model.sample(labels=LABELS, seed=SEED, sampler="ddpm", **PLAIN)
seven = model.sample(labels=LABELS, seed=SEED, sampler="dpmpp_2m", steps=7, **PLAIN)
counts = model.evaluations(sampler="ddpm", **PLAIN), model.evaluations(sampler="dpmpp_2m", steps=7, **PLAIN)
show([thousand, seven], rows=[f"ddpm, {counts[0]} evaluations", f"dpmpp_2m, {counts[1]}"])
# %% [markdown] lang="en"
# Both rows are of the same network. The upper one walked the whole chain of DDPM, the lower one took seven evaluations.
# Look for a difference in quality: it is small, and the lower row is drawn some hundred times as fast. **Why does that work?**
#
# ## What training fixes, and what it leaves free
#
# We write $\alpha_t=\sqrt{\bar\alpha_t}$ for the share of the image and $\sigma_t=\sqrt{1-\bar\alpha_t}$ for the share of the noise, as the code does:
#
# $$x_t = \alpha_t x_0 + \sigma_t\,\varepsilon,\qquad \varepsilon\sim\mathcal N(0,I).$$
#
# This is eq. 4 of [DDPM](https://arxiv.org/abs/2006.11239) and of [DDIM](https://arxiv.org/abs/2010.02502). (The DDIM paper writes $\alpha_t$ for our $\bar\alpha_t$ and $\sigma_t$ for what we call $s$ below.)
# The loss draws one time $t$, one $x_t$, and compares one prediction. It never looks at two times together. So training
# fixes the **marginals** $q(x_t\mid x_0)$, and not how $x_t$ and an earlier $x_p$, $p<t$, belong together. DDPM joins them by a
# Markov chain that adds noise. Song, Meng and Ermon asked which other joint distributions have the same marginals.
#
# Take the image and the noise that $x_t$ is made of, keep a part of that noise, and replace the rest by fresh noise of deviation $s$ (eq. 7):
#
# $$x_p = \alpha_p x_0 + \sqrt{\sigma_p^2-s^2}\;\frac{x_t-\alpha_t x_0}{\sigma_t} + s\,z,\qquad z\sim\mathcal N(0,I),\quad 0\le s\le\sigma_p.$$
#
# **Claim (their lemma 1): whatever $s$ is, $x_p$ has the right marginal.** Given $x_0$, the fraction is standard normal: it is $\varepsilon$. The sum of two
# independent normals with variances $\sigma_p^2-s^2$ and $s^2$ is normal with variance $\sigma_p^2$. So $x_p\sim\mathcal N(\alpha_p x_0,\sigma_p^2 I)$. Start at the last time,
# where it holds, and go down: it holds everywhere. One free number for each step, and the same network for all choices.
# (Bayes' rule then gives a forward process, eq. 8. In it $x_t$ depends on $x_p$ *and* $x_0$, so it is not Markov. Nobody needs to simulate it.
# Their theorem 1: for every choice of $s>0$ the bound that one trains is DDPM's loss with other weights of the times.)
#
# In the sampler $x_0$ is unknown. The network's guess takes its place (eq. 9), which makes the fraction the network's $\hat\varepsilon$ (eq. 12):
#
# $$\hat x_0=\frac{x_t-\sigma_t\hat\varepsilon}{\alpha_t},\qquad x_p = \alpha_p\,\hat x_0 + \sqrt{\sigma_p^2-s^2}\;\hat\varepsilon + s\,z.$$
#
# How large should $s$ be? DDIM measures it in shares $\eta$ of one special value (eq. 16):
#
# $$s = \eta\,\sqrt{\frac{1-\bar\alpha_p}{1-\bar\alpha_t}}\,\sqrt{1-\frac{\bar\alpha_t}{\bar\alpha_p}}.$$
#
# With $\eta=0$ no noise is fresh: the same start gives the same image. With $\eta=1$ and $p=t-1$, $s^2=\frac{1-\bar\alpha_{t-1}}{1-\bar\alpha_t}\,\beta_t$ is the variance of DDPM's
# posterior $q(x_{t-1}\mid x_t,x_0)$, eq. 7 there. The whole posterior agrees, not only its variance: it keeps the marginals, too, its mean is a combination of $x_0$ and $x_t$, and among those the
# variance leaves no choice (but a sign). **Predict:** does it hold to the last digit in float64? The code, from the package:
# %% [markdown] lang="zh-CN"
# 两行来自同一个网络。上面一行走完了 DDPM 的整条链，下面一行只计算了七次网络。
# 找找质量上的差别：很小，而下面一行快了一百多倍。**为什么可以这样？**
#
# ## 训练固定了什么，又留下了什么自由
#
# 和代码一样，用 $\alpha_t=\sqrt{\bar\alpha_t}$ 表示图像所占的份额，用 $\sigma_t=\sqrt{1-\bar\alpha_t}$ 表示噪声所占的份额：
#
# $$x_t = \alpha_t x_0 + \sigma_t\,\varepsilon,\qquad \varepsilon\sim\mathcal N(0,I).$$
#
# 这是 [DDPM](https://arxiv.org/abs/2006.11239) 和 [DDIM](https://arxiv.org/abs/2010.02502) 的式 (4)。（DDIM 论文把我们的 $\bar\alpha_t$ 记作 $\alpha_t$，把下文的 $s$ 记作 $\sigma_t$。）
# 损失函数每次抽一个时刻 $t$、一个 $x_t$，比较一个预测，从不同时看两个时刻。所以训练固定的是**边缘分布** $q(x_t\mid x_0)$，
# 而不是 $x_t$ 与更早的 $x_p$（$p<t$）怎样联系在一起。DDPM 用一条加噪的马尔可夫链把它们连起来。
# Song、Meng 和 Ermon 问：还有哪些联合分布具有同样的边缘分布？
#
# 取出构成 $x_t$ 的图像和噪声，保留一部分噪声，其余换成标准差为 $s$ 的新噪声（式 7）：
#
# $$x_p = \alpha_p x_0 + \sqrt{\sigma_p^2-s^2}\;\frac{x_t-\alpha_t x_0}{\sigma_t} + s\,z,\qquad z\sim\mathcal N(0,I),\quad 0\le s\le\sigma_p.$$
#
# **结论（原文引理 1）：无论 $s$ 取多少，$x_p$ 的边缘分布都对。** 给定 $x_0$ 时，那个分式服从标准正态分布，它就是 $\varepsilon$。
# 方差分别为 $\sigma_p^2-s^2$ 和 $s^2$ 的两个独立正态变量之和，是方差为 $\sigma_p^2$ 的正态变量。所以 $x_p\sim\mathcal N(\alpha_p x_0,\sigma_p^2 I)$。
# 在最后一个时刻它成立，逐步向下推，处处成立。每一步有一个自由的数，而所有取法共用同一个网络。
# （由贝叶斯公式可得相应的前向过程，式 8。其中 $x_t$ 同时依赖 $x_p$ *和* $x_0$，所以不是马尔可夫的；没有人需要去模拟它。
# 原文定理 1：对任意 $s>0$，要训练的那个界都等于 DDPM 的损失，只是各时刻的权重不同。）
#
# 采样时 $x_0$ 未知，用网络的猜测代替（式 9），于是那个分式变成网络给出的 $\hat\varepsilon$（式 12）：
#
# $$\hat x_0=\frac{x_t-\sigma_t\hat\varepsilon}{\alpha_t},\qquad x_p = \alpha_p\,\hat x_0 + \sqrt{\sigma_p^2-s^2}\;\hat\varepsilon + s\,z.$$
#
# $s$ 该取多大？DDIM 用某个特殊值的份额 $\eta$ 来度量它（式 16）：
#
# $$s = \eta\,\sqrt{\frac{1-\bar\alpha_p}{1-\bar\alpha_t}}\,\sqrt{1-\frac{\bar\alpha_t}{\bar\alpha_p}}.$$
#
# $\eta=0$ 时没有新噪声：同样的起点得到同样的图像。$\eta=1$ 且 $p=t-1$ 时，$s^2=\frac{1-\bar\alpha_{t-1}}{1-\bar\alpha_t}\,\beta_t$ 正是 DDPM 后验 $q(x_{t-1}\mid x_t,x_0)$ 的方差（DDPM 式 7）。
# 不只方差，整个后验都一致：它也保持边缘分布，均值是 $x_0$ 与 $x_t$ 的组合；在这样的分布里，方差一定，（除了一个正负号）就别无选择。
# **先猜一猜：** 在 float64 下，两者会一直吻合到最后一位吗？下面是包里的代码：
# %%
show_source(formulas.ddim_step)

schedule = make_schedule("cosine", T)
t = np.arange(T)
image, noise, fresh = np.eye(3)[:, :, None]  # unit vectors: whatever is computed from them is a row of weights
levels = schedule.alpha_bar(t), schedule.alpha_bar(t - 1)
posterior = formulas.ddpm_step(image, noise, fresh, *levels)  # DDPM's eq. 7, [3, T]
difference = {eta: np.abs(formulas.ddim_step(image, noise, fresh, *levels, eta=eta) - posterior).max() for eta in (0, 0.5, 1)}
print("largest difference of the weights of x0, eps, z from DDPM's posterior, over all times:")
for eta, value in difference.items():
    print(f"  eta = {eta:<4} {value:.1e}")
# %% tags=["check"]
# @title Check: eta = 1 is the posterior, every eta keeps the marginal
assert difference[1] < 1e-12 < 1e-4 < difference[0]
for eta in (0, 0.3, 1):
    for p in (t - 1, t // 2):  # adjacent times, and long jumps
        w_image, w_noise, w_fresh = formulas.ddim_step(image, noise, fresh, schedule.alpha_bar(t), schedule.alpha_bar(p), eta=eta)
        alpha_p, sigma_p = schedule.alpha_sigma(p)
        assert np.abs(w_image - alpha_p).max() < 1e-12
        assert np.abs(w_noise**2 + w_fresh**2 - sigma_p**2).max() < 1e-12
# %% [markdown] lang="en"
# ## A sampler is a table
#
# A step needs three weights, of $\hat x_0$, $\hat\varepsilon$ and $z$. They depend on the times alone. So a whole sampler is a table with one row for each
# evaluation of the network: at which time it reads, and the three weights of what comes next. The package makes all its samplers so.
# Here is DDIM in five steps. Read it from the top: the network reads pure noise at $t=999$; the new $x$ is a little of the predicted
# image and almost all of the predicted noise. Down the table the image's weight grows and the noise's falls. The last row is the image alone.
# %% [markdown] lang="zh-CN"
# ## 采样器就是一张表
#
# 一步只需要三个权重：$\hat x_0$、$\hat\varepsilon$ 和 $z$ 的权重。它们只取决于时刻。所以整个采样器就是一张表，每计算一次网络占一行：
# 网络在哪个时刻读入，下一个 $x$ 的三个权重各是多少。包里的采样器都是这样写的。
# 下面是五步的 DDIM。从上往下读：网络在 $t=999$ 读入纯噪声；新的 $x$ 由一点点预测的图像和几乎全部预测的噪声组成。
# 越往下，图像的权重越大，噪声的权重越小。最后一行只剩图像。
# %%
def print_table(table):
    columns = [table.t, *table.x0_weights.T, *table.eps_weights.T, table.fresh]
    names = ["t", "x0", "x0 before", "x0 before that", "eps", "eps before", "eps before that", "fresh noise"]
    shown = [i for i, column in enumerate(columns) if i == 0 or np.any(column)]
    print("   ".join(f"{names[i]:>11}" for i in shown))
    for row in zip(*(columns[i] for i in shown), strict=True):
        print("   ".join(f"{value:11.4f}" if i else f"{value:11d}" for i, value in zip(shown, row, strict=True)))


five = samplers.table("ddim", model.schedule, time_pairs(model.schedule, 5), eta=0.0)
print_table(five)
# %% [markdown] lang="en"
# Whoever has the table needs only a loop. This one is NumPy; it keeps the last few predictions, which some samplers below will use.
# In place of a network it takes a function, so that we can try it where the **exact** answer is known: on the line, with data from two
# Gaussian bumps. There the best possible $\hat\varepsilon$ is a formula: the mean of $\varepsilon$ given $x_t$, $\varepsilon^*(x,t)=\sum_k r_k\,\sigma_t\,(x-\alpha_t\mu_k)/(\alpha_t^2 s_k^2+\sigma_t^2)$, where $r_k$ is the
# probability that $x$ comes from bump $k$.
#
# **Predict, then run:** twelve walkers start at the same twelve places with $\eta=0$ and with $\eta=1$. What do their paths look like? And which of the two ends nearer to the data when there are only few steps?
# %% [markdown] lang="zh-CN"
# 有了表，只差一个循环。这里用 NumPy 写；它保留最近几次的预测，后面有的采样器要用。
# 它接受的不是网络而是一个函数，这样就能在答案**精确**已知的地方试用：数轴上，数据来自两个高斯峰。
# 此时最好的 $\hat\varepsilon$ 有公式，即给定 $x_t$ 时 $\varepsilon$ 的均值：$\varepsilon^*(x,t)=\sum_k r_k\,\sigma_t\,(x-\alpha_t\mu_k)/(\alpha_t^2 s_k^2+\sigma_t^2)$，其中 $r_k$ 是 $x$ 来自第 $k$ 个峰的概率。
#
# **先猜再运行：** 十二个点从同样的位置出发，分别用 $\eta=0$ 和 $\eta=1$。它们的轨迹会是什么样子？步数很少时，哪一种的终点更接近数据？
# %%
def walk(table, schedule, eps_of, x, rng=None):
    """All x on the way, [K + 1, ...]; eps_of(x, alpha, sigma) stands for the network."""
    x0s = epss = np.zeros((samplers.HISTORY, *x.shape))
    path = [x]
    for i, t in enumerate(table.t):
        alpha, sigma = schedule.alpha_sigma(t)
        eps = eps_of(x, alpha, sigma)
        x_0 = formulas.x0_from("eps", eps, x, alpha, sigma)
        x0s, epss = np.stack([x_0, *x0s[:-1]]), np.stack([eps, *epss[:-1]])  # newest first
        x = np.tensordot(table.x0_weights[i], x0s, 1) + np.tensordot(table.eps_weights[i], epss, 1)
        if table.fresh[i]:
            x = x + table.fresh[i] * rng.standard_normal(x.shape)
        path.append(x)
    return np.stack(path)


SHARES, MEANS, WIDTHS = np.array([0.6, 0.4]), np.array([-0.7, 0.6]), np.array([0.12, 0.2])


def bumps_eps(x, alpha, sigma):
    variance = alpha**2 * WIDTHS**2 + sigma**2
    away = x[..., None] - alpha * MEANS
    log_r = np.log(SHARES) - np.log(variance) / 2 - away**2 / variance / 2
    r = np.exp(log_r - log_r.max(-1, keepdims=True))
    return sigma * (r * away / variance).sum(-1) / r.sum(-1)


def bumps(n, seed):
    rng = np.random.default_rng(seed)
    k = rng.choice(2, n, p=SHARES)
    return MEANS[k] + WIDTHS[k] * rng.standard_normal(n)


starts, real = np.random.default_rng(SEED).standard_normal(4000), bumps(4000, SEED + 1)


def distance(a, b):
    """The Wasserstein-1 distance of two samples on the line, as many of each."""
    return np.abs(np.sort(a) - np.sort(b)).mean()


floor = np.mean([distance(real, bumps(4000, SEED + 2 + i)) for i in range(5)])
ends, ways = {}, {}
for steps in (5, 10, 50, T):
    for eta in (0.0, 1.0):
        table = samplers.table("ddim", schedule, time_pairs(schedule, steps), eta=eta)
        ways[steps, eta] = walk(table, schedule, bumps_eps, starts, np.random.default_rng(SEED + 9))
        ends[steps, eta] = distance(ways[steps, eta][-1], real)

figure, axes = plt.subplots(1, 4, figsize=(8, 3), sharey=True, width_ratios=(3, 1, 3, 1))
for eta, (left, right) in zip((0.0, 1.0), (axes[:2], axes[2:]), strict=True):
    path = ways[T, eta]
    shown = np.argsort(starts)[np.linspace(150, 3850, 12).astype(int)]
    left.plot(np.arange(T, -1, -1)[::5], path[::5, shown], lw=0.8)
    left.set(xlim=(T, 0), xlabel="t", title=f"paths, eta = {eta:g}")
    right.hist(real, 60, orientation="horizontal", color="0.8", density=True)
    right.hist(path[-1], 60, orientation="horizontal", histtype="step", color="C0", density=True)
    right.set(title="end", xticks=[])
plt.show()
print(f"distance of the ends from the data (two samples of the data: {floor:.3f})")
for steps in (5, 10, 50, T):
    print(f"  {steps:5d} steps   eta 0: {ends[steps, 0.0]:.3f}   eta 1: {ends[steps, 1.0]:.3f}")
# %% [markdown] lang="en"
# Grey: the data. Blue: where 4,000 walkers end. The paths of $\eta=0$ are smooth and never cross; those of $\eta=1$ are rough and mix. With all steps both end in
# the same distribution: what is left over is the noise of 4,000 draws. With few steps the smooth paths lose less, because a long stride along a smooth curve is a good guess,
# and noise that was added in one step has too few later steps to be worked off.
# %% [markdown] lang="zh-CN"
# 灰色是数据，蓝色是 4,000 个点的终点。$\eta=0$ 的轨迹光滑，从不相交；$\eta=1$ 的轨迹粗糙，互相混合。走完所有步时，两者的终点分布相同：
# 剩下的差别只是 4,000 次抽样的噪声。步数少时，光滑的轨迹损失更小：沿着光滑曲线迈一大步，猜得还是准的；而某一步加进来的噪声，后面已没有足够的步数去消化。
# %% tags=["check"]
# @title Check: with all steps both are right, with few steps eta = 0 is nearer
assert max(ends[T, 0.0], ends[T, 1.0]) < 4 * floor
assert ends[5, 0.0] < ends[5, 1.0] and sum(ends[steps, 0.0] - ends[steps, 1.0] for steps in (5, 10, 50)) < 0
order = np.argsort(starts)
assert (np.diff(ways[T, 0.0][-1][order]) > -1e-9).all(), "paths of eta = 0 keep their order"
assert (np.diff(ways[T, 1.0][-1][order]) < 0).any()
# %% [markdown] lang="en"
# ## The same seed with few and with many steps
#
# Now the digits. Each row starts from the same noise. What to see: with $\eta=0$ (upper block) a column shows one image that becomes sharper, since noise and image belong together. With
# $\eta=1$ (lower block) more steps mean other fresh noise, and so another image.
# %% [markdown] lang="zh-CN"
# ## 同一个种子，步数少与步数多
#
# 现在来看数字。每一行都从同样的噪声出发。注意：$\eta=0$（上半部分）时，一列是同一幅图像在逐渐变清晰，因为噪声与图像一一对应；
# $\eta=1$（下半部分）时，步数不同，新加的噪声也不同，图像就变了。
# %%
COUNTS = (5, 10, 20, 50)
made = {
    (eta, steps): model.sample(labels=LABELS, seed=SEED, sampler="ddim", eta=eta, steps=steps, **PLAIN)
    for eta in (0.0, 1.0)
    for steps in COUNTS
}
show(list(made.values()), rows=[f"eta {eta:g}, {steps} steps" for eta, steps in made], scale=2)


def rms(a, b):
    return float(np.sqrt(np.mean((np.asarray(a) - np.asarray(b)) ** 2)))


kept = {eta: rms(made[eta, 10], made[eta, 50]) for eta in (0.0, 1.0)}
print(f"difference of 10 and 50 steps, root mean square: eta 0 {kept[0.0]:.2f}, eta 1 {kept[1.0]:.2f}")
# %% tags=["check"]
# @title Check: without fresh noise the image stays
assert kept[0.0] < 0.6 * kept[1.0]
assert np.array_equal(made[0.0, 5], model.sample(labels=LABELS, seed=SEED, sampler="ddim", steps=5, **PLAIN))
# %%
def few(steps):
    images = model.sample(labels=LABELS, seed=SEED, sampler="ddim", steps=steps, **PLAIN)
    show(images, title=f"DDIM, eta = 0, {steps} steps")


slider(few, "steps", [1, 2, 3, 5, 10, 20], start=3)
# %% [markdown] lang="en"
# ## Which times to visit
#
# $S$ of $T$ times: that is $S$ distinct times, the first of them $T-1$, since sampling starts from pure noise. [Lin et al.](https://arxiv.org/abs/2305.08891) (table 2) compare three rules; `uniform` here is their
# *leading*, which is the rule of the DDIM paper, and starts too early in the chain to be pure noise.
# %% [markdown] lang="zh-CN"
# ## 访问哪些时刻
#
# 从 $T$ 个时刻中取 $S$ 个：应当是 $S$ 个不同的时刻，而且第一个是 $T-1$，因为采样从纯噪声出发。[Lin et al.](https://arxiv.org/abs/2305.08891)（表 2）比较了三种规则；这里的 `uniform` 就是他们的
# *leading*，也是 DDIM 论文的规则，它的第一个时刻还不是纯噪声。
# %%
SPACINGS = ("trailing", "linspace", "uniform", "quad", "logsnr")
figure, axis = plt.subplots(figsize=(7, 2.6))
for i, spacing in enumerate(SPACINGS):
    times = time_steps(schedule, 10, spacing)
    axis.plot(times, np.full(10, -i), "o", ms=5)
    axis.text(T * 1.02, -i, f"starts at {times[0]}, image share {schedule.alpha_sigma(times[0])[0]:.3f}", va="center")
axis.set(yticks=-np.arange(5), yticklabels=SPACINGS, xlabel="t, ten of them", xlim=(-0.02 * T, 1.7 * T), xticks=np.linspace(0, T, 5))
plt.show()
# %% [markdown] lang="en"
# *Lin's point:* where the first time is below $T-1$, the network is given pure noise and told that it holds some image.
#
# A listing that stands in many tutorials computes its times so: `uniform` takes every `T // S`-th time and adds one; `quad` squares even steps up to $\sqrt{0.8\,T}$ and adds
# one; the loop then uses the first $S$ entries, and the last pair ends at time 0. Each of the four slips below is small on paper. We compute only its indices.
# %% [markdown] lang="zh-CN"
# *Lin 等人的要点：* 如果第一个时刻小于 $T-1$，就等于把纯噪声交给网络，却告诉它里面已有一些图像。
#
# 许多教程里的一段代码是这样算时刻的：`uniform` 每隔 `T // S` 取一个时刻再加一；`quad` 把到 $\sqrt{0.8\,T}$ 为止的等距数平方，再加一；
# 然后循环用前 $S$ 个，最后一步停在时刻 0。下面四个疏漏写在纸上都不起眼。我们只计算它的下标。
# %%
def listed(T, S, kind):
    """The pairs (t, time that it leads to) of that listing, in its order of walking."""
    t = np.arange(0, T, T // S) if kind == "uniform" else (np.linspace(0, (0.8 * T) ** 0.5, S) ** 2).astype(int)
    t = t + 1
    before = np.append(0, t[:-1])
    return np.stack([t[:S], before[:S]], axis=1)[::-1], len(t)


linear = make_schedule("linear", 500)
for kind, S in (("uniform", 50), ("uniform", 300), ("uniform", 500), ("quad", 50)):
    pairs, entries = listed(500, S, kind)
    start = pairs[0, 0]
    share = f"{linear.alpha_sigma(start)[0]:.3f}" if start < 500 else "beyond the table"
    print(f"{kind:8s} T = 500, S = {S}: {entries} entries, starts at t = {start} (image share there: {share}), "
          f"{len(np.unique(pairs[:, 0]))} distinct, ends at t = {pairs[-1, 1]}")  # fmt: skip

middle = np.linspace(0.6 * (len(model.schedule) - 1), 0, 20).round().astype(int)  # as S = 300 of 500 does it, in 20 steps
middle = np.stack([middle, np.append(middle[1:], -1)], axis=1)
noise = model.start(10, SEED).numpy()
from_middle = np.clip(model.arrive(noise, model.plan(middle, sampler="ddim", **PLAIN), LABELS), -1, 1)
show([made[0.0, 20], from_middle], rows=["20 steps from T - 1", "20 steps from 0.6 T"])
print(f"image share at 0.6 T in this model's own schedule: {model.schedule.alpha_sigma(middle[0, 0])[0]:.2f}")
# %% [markdown] lang="en"
# 1. **More than $S$ entries.** With $T=500$, $S=300$ the stride is one: 500 entries, of which the loop takes the first 300. It starts from pure noise at $t=300$. The lower row above is drawn like that, in 20 steps from $0.6\,T$: the network takes the noise for an image, and draws blots. (Our model's schedule holds more image at $0.6\,T$ than the linear one, so the harm is greater.)
# 2. **Past the end.** With $S=T$ the last index is $T$, in a table of $T$ entries. NumPy raises an error; a gather on a GPU may return 0, and then all is NaN.
# 3. **`quad` stops at $0.8\,T$**, and repeats times near the image: a repeated time is an evaluation for nothing.
# 4. **The last step ends at $\bar\alpha_0$, not at 1.** The result is $x$ at time 0, not an image. With $\eta>0$ fresh noise is even added in that last step, and stays.
#
# The package's rule: pairs end at $t=-1$, where $\bar\alpha=1$, and rounding may not repeat an entry. The second table is the package's, for the same five steps with $\eta=1$: no fresh noise in its last row.
# %% [markdown] lang="zh-CN"
# 1. **多于 $S$ 个。** $T=500$、$S=300$ 时步距为一，共有 500 个，循环只用前 300 个：它从 $t=300$ 处的纯噪声出发。上图下面一行就是这样画的，从 $0.6\,T$ 走 20 步：网络把噪声当成了图像，画出的只是斑块。（我们这个模型的噪声调度在 $0.6\,T$ 处比线性调度含有更多图像，所以危害更大。）
# 2. **越界。** $S=T$ 时最后一个下标是 $T$，而表只有 $T$ 项。NumPy 会报错；GPU 上的 gather 可能返回 0，然后一切变成 NaN。
# 3. **`quad` 停在 $0.8\,T$**，而且在图像附近有重复的时刻：重复一次就白算一次网络。
# 4. **最后一步停在 $\bar\alpha_0$ 而不是 1。** 得到的是时刻 0 的 $x$，不是图像。$\eta>0$ 时，最后这一步还会加入新噪声，并且留在结果里。
#
# 包里的规则：每一对的终点是 $t=-1$，那里 $\bar\alpha=1$；取整不许产生重复。第二张表是包里的同样五步、$\eta=1$：最后一行没有新噪声。
# %%
coarse = make_schedule("linear", 100)
theirs = samplers.table("ddim", coarse, listed(100, 5, "uniform")[0], eta=1.0)
ours = samplers.table("ddim", coarse, time_pairs(coarse, 5), eta=1.0)
print(f"ends at time 0, where the noise's share is {coarse.alpha_sigma(0)[1]:.3f}:")
print_table(theirs)
print("\nends at the image:")
print_table(ours)
# %% tags=["check"]
# @title Check: the four slips, and what the package does instead
assert listed(500, 300, "uniform")[1] == 500 and listed(500, 300, "uniform")[0][0, 0] == 300
assert linear.alpha_sigma(300)[0] > 7 * linear.terminal_signal
assert listed(500, 500, "uniform")[0][0, 0] == 500 == len(linear)
pairs, entries = listed(500, 50, "quad")
assert pairs[0, 0] == 401 and len(np.unique(pairs[:, 0])) < 50
assert pairs[-1, 1] == 0 and theirs.fresh[-1] > 0 and ours.fresh[-1] == 0 and np.isclose(ours.x0_weights[-1, 0], 1)
for spacing in SPACINGS:
    for S in (1, 7, 50, 300, 500):
        pairs = time_pairs(linear, S, spacing)
        assert len(np.unique(pairs[:, 0])) == S and pairs.max() < 500 and pairs[-1, 1] == -1
        assert spacing == "uniform" or pairs[0, 0] == 499
# %% [markdown] lang="en"
# ## Clipping
#
# Images lie in $[-1,1]$, and predictions may not. Most samplers clip $\hat x_0$. But $\hat x_0$ and $\hat\varepsilon$ are two views of one $x_t$: $x_t=\alpha_t\hat x_0+\sigma_t\hat\varepsilon$. Who changes the one must change the other:
#
# $$\hat x_0\leftarrow\mathrm{clip}(\hat x_0,-1,1),\qquad \hat\varepsilon\leftarrow\frac{x_t-\alpha_t\hat x_0}{\sigma_t}.$$
#
# The same listing clips and keeps the old $\hat\varepsilon$. Then the step goes out from a point that is not $x_t$. Strong guidance makes predictions leave $[-1,1]$, so we try it with guidance 4 everywhere, ten steps, by hand:
# %% [markdown] lang="zh-CN"
# ## 截断
#
# 图像在 $[-1,1]$ 之内，预测却不一定。多数采样器会截断 $\hat x_0$。但 $\hat x_0$ 和 $\hat\varepsilon$ 是同一个 $x_t$ 的两种看法：$x_t=\alpha_t\hat x_0+\sigma_t\hat\varepsilon$。改了一个，就必须改另一个：
#
# $$\hat x_0\leftarrow\mathrm{clip}(\hat x_0,-1,1),\qquad \hat\varepsilon\leftarrow\frac{x_t-\alpha_t\hat x_0}{\sigma_t}.$$
#
# 上面那段代码截断之后仍用旧的 $\hat\varepsilon$，于是这一步的出发点不再是 $x_t$。强引导会让预测超出 $[-1,1]$，所以我们全程用引导强度 4，手写十步来试：
# %%
from genzoo.stack import tf


def by_hand(rederive, steps=10, guidance=4.0):
    x, off, over = noise, [], []
    for t, p in time_pairs(model.schedule, steps):
        alpha, sigma = model.schedule.alpha_sigma(t)
        output = model.predict_guided(x.astype("float32"), tf.constant(t, tf.int32), LABELS.astype("int32"), tf.constant(guidance), 0.0)
        x_0 = formulas.x0_from(model.predict_kind, output.numpy().astype(float), x, alpha, sigma)
        eps = formulas.eps_from_x0(x, x_0, alpha, sigma)
        over.append(np.mean(np.abs(x_0) > 1))
        x_0 = np.clip(x_0, -1, 1)
        if rederive:
            eps = formulas.eps_from_x0(x, x_0, alpha, sigma)
        off.append(rms(x, formulas.q_sample(x_0, eps, alpha, sigma)))
        x = formulas.ddim_step(x_0, eps, 0.0, *model.schedule.alpha_bar(np.array([t, p])))
    return x, np.array(off), np.array(over)


consistent, off_yes, over = by_hand(True)
stale, off_no, _ = by_hand(False)
show([consistent, stale], rows=["eps derived anew", "eps of before"], title="guidance 4, 10 steps of DDIM")
print("share of clipped pixels in each step:  ", " ".join(f"{share:6.1%}" for share in over))
print("off x_t by, eps of before:             ", " ".join(f"{value:6.3f}" for value in off_no))
print(f"off x_t by at most, eps derived anew:   {off_yes.max():.1e}")
print(f"the two images differ by {rms(consistent, stale):.3f}, root mean square")
# %% [markdown] lang="en"
# The upper row's steps start exactly at $x_t$, the lower row's do not. How far off they are depends on how much is clipped; the numbers say so step by step. `DDPM._loop` derives $\hat\varepsilon$ anew.
# %% [markdown] lang="zh-CN"
# 上面一行的每一步都恰好从 $x_t$ 出发，下面一行则不是。偏多少取决于截掉多少，上面的数字逐步给出。`DDPM._loop` 会重新推出 $\hat\varepsilon$。
# %% tags=["check"]
# @title Check: only a new eps belongs to the clipped image, and our loop by hand is the package's
assert off_yes.max() < 1e-9 and off_no.max() > 100 * off_yes.max() and over.max() > 0
compiled = model.arrive(noise, model.plan(sampler="ddim", steps=10, guidance=4.0, guidance_interval=None), LABELS)
assert rms(compiled, consistent) < 1e-2
# %% [markdown] lang="en"
# ## There and back: inversion
#
# With $\eta=0$ a step is a formula between two times. Swap the pair, $(t,p)\to(p,t)$, and it walks from the image to its noise (section 4.3 of the DDIM paper):
# %% [markdown] lang="zh-CN"
# ## 去而复返：反演
#
# $\eta=0$ 时，一步就是两个时刻之间的一个公式。把两个时刻对调，$(t,p)\to(p,t)$，它就从图像走向噪声（DDIM 论文 4.3 节）：
# %%
show_source(type(model).invert)
data = load_data(model.run_config["data"]["name"], image_size=model.run_config["data"]["image_size"])

from genzoo.data.pixels import to_float

first = [np.flatnonzero(data.test_labels == label)[0] for label in range(data.num_classes)][:10]
images, labels = to_float(data.test_images[first]), data.test_labels[first]
TURNS = (4, 8, 16, 32)
back = {steps: model.reconstruct(images, labels, steps=steps) for steps in TURNS}
inverted = model.invert(images, labels, steps=32)
show([images, inverted / 3, *(back[steps] for steps in (4, 32))], rows=["test images", "their noise / 3", "4 steps and back", "32 and back"], scale=2)
errors = np.array([rms(back[steps], images) for steps in TURNS])
plt.figure(figsize=(5, 2.8))
plt.loglog(TURNS, errors, "o-", label="measured")
plt.loglog(TURNS, errors[-1] * TURNS[-1] / np.array(TURNS), "--", color="0.5", label="1 / steps")
plt.xticks(TURNS, TURNS)
plt.yticks(errors, [f"{error:.2f}" for error in errors])
plt.minorticks_off()
plt.xlabel("steps each way")
plt.ylabel("error, root mean square")
plt.legend()
plt.show()
print("  ".join(f"{steps} steps: {error:.3f}" for steps, error in zip(TURNS, errors, strict=True)))
print(f"deviation of the noise that the images became: {inverted.std():.2f}")
# %% [markdown] lang="en"
# The second row looks like noise and holds the whole image: walked back, it gives the digit. The way there is not the exact inverse: it uses $\hat\varepsilon$ where a step *sets out*, the way back where *that* step sets out. The shorter the steps, the less these differ.
# So the error falls as the steps grow in number. With $\eta>0$ there is no way back: the fresh noise is not in the image. The deviation of the noise is somewhat below 1: in directions in which
# images hardly vary, the walk up starts from almost nothing, and has little to enlarge.
# %% [markdown] lang="zh-CN"
# 第二行看上去是噪声，却含有整幅图像：走回来，又得到那个数字。去程并不是回程的精确逆：去程用的是去程每步*起点*处的 $\hat\varepsilon$，回程用的是*回程*每步起点处的。步子越短，两者差得越少，
# 所以误差随步数增加而下降。$\eta>0$ 时没有回头路：新加的噪声不在图像里。得到的噪声的标准差略小于 1：在图像几乎不变化的那些方向上，向上走的起点几乎为零，也就没有多少可以放大。
# %% tags=["check"]
# @title Check: more steps, smaller error; the noise is nearly as large as noise should be
assert (np.diff(errors) < 0).all() and errors[-1] < errors[0] / 2
assert 0.5 < inverted.std() < 1.05
# %% [markdown] lang="en"
# ## Between two images
#
# Two draws of noise $a$, $b$ in $d$ dimensions have length about $\sqrt d$ and are nearly at right angles. Half-way on the straight line between them lies $(a+b)/2$, with variance $1/2$: too short to be noise that the network has
# ever seen. The great circle keeps the length ([Shoemake 1985](https://doi.org/10.1145/325165.325242); DDIM, section 5.3): $\frac{\sin((1-u)\theta)}{\sin\theta}a+\frac{\sin(u\theta)}{\sin\theta}b$, with $\theta$ the angle between them.
# %% [markdown] lang="zh-CN"
# ## 两幅图像之间
#
# $d$ 维空间中两个随机噪声 $a$、$b$ 的长度都约为 $\sqrt d$，而且几乎垂直。连线的中点是 $(a+b)/2$，方差为 $1/2$：太短了，网络从没见过这样的噪声。
# 大圆则保持长度（[Shoemake 1985](https://doi.org/10.1145/325165.325242)；DDIM 5.3 节）：$\frac{\sin((1-u)\theta)}{\sin\theta}a+\frac{\sin(u\theta)}{\sin\theta}b$，$\theta$ 是两者的夹角。
# %%
from genzoo.models.editing import slerp

show_source(slerp)
a, b = model.start(1, SEED + 1).numpy(), model.start(1, SEED + 2).numpy()
us = np.linspace(0, 1, 9)
ways = {"straight": [(1 - u) * a + u * b for u in us], "great circle": [slerp(a, b, u) for u in us]}
plan = model.plan(sampler="ddim", steps=20, **PLAIN)
drawn = {name: np.clip(model.arrive(np.concatenate(way).astype("float32"), plan, np.full(9, LABELS[3])), -1, 1) for name, way in ways.items()}
show(list(drawn.values()), rows=list(drawn), labels=[f"{u:.2f}" for u in us])
lengths = {name: np.array([np.linalg.norm(x) / np.sqrt(x.size) for x in way]) for name, way in ways.items()}
for name, values in lengths.items():
    print(f"length / sqrt(d), {name:12s}", " ".join(f"{value:.2f}" for value in values))
one, other = np.split(model.start(120, SEED + 3).numpy(), 2)
half_way = {"fresh noise": one, "straight": (one + other) / 2, "great circle": slerp(one, other, 0.5)}
plan = model.plan(steps=7, **PLAIN)
variety = {name: model.arrive(x, plan, np.full(60, LABELS[3])).std(axis=0).mean() for name, x in half_way.items()}
print("how much 60 images of one label vary: ", "  ".join(f"{name} {value:.3f}" for name, value in variety.items()))
# %% [markdown] lang="en"
# The ends agree. In the middle the straight line's noise has seven tenths of the length. A single picture hardly shows the harm; many do. Noise that is too short lies near the middle of all noise, and its image near the average image: half-way on straight lines, images vary less from each other than samples should. On the great circle they vary as samples do.
# %% [markdown] lang="zh-CN"
# 两端相同。在中间，直线上的噪声只有应有长度的七成。单看一幅图几乎看不出害处，多看一些就明显了。太短的噪声靠近所有噪声的中心，它的图像也就靠近平均图像：直线中点得到的图像彼此差别太小，而大圆上的与正常样本一样多样。
# %% tags=["check"]
# @title Check: the straight line is too short in the middle, the great circle is not
assert abs(lengths["straight"][4] - 0.5**0.5) < 0.05
assert np.abs(lengths["great circle"] - 1).max() < 0.08
assert variety["straight"] < 0.95 * variety["fresh noise"]
assert abs(variety["great circle"] / variety["fresh noise"] - 1) < 0.15 and variety["straight"] < variety["great circle"]
# %% [markdown] lang="en"
# ## The curve behind the steps
#
# Divide the DDIM step by $\alpha$. With $\hat x=x/\alpha$ and the noise level $n=\sigma/\alpha$ it becomes (DDIM, eq. 13)
#
# $$\hat x_p = \hat x_t + (n_p-n_t)\,\hat\varepsilon .$$
#
# That is **Euler's method**, exactly, for the ordinary differential equation $\frac{d\hat x}{dn}=\hat\varepsilon(x)$ (eq. 14). It is the *probability-flow* equation of [Song et al.](https://arxiv.org/abs/2011.13456) (eq. 13 there), whose solutions carry the distribution of noise to that of the data without any chance.
# The paths of $\eta=0$ above were its curves. So a better sampler is a better **solver**, and numerical analysis says how good it is: a solver has order $k$ if halving its steps divides the error by $2^k$. Euler has order 1.
#
# A second pair of glasses: time $\lambda=\ln(\alpha/\sigma)=-\ln n$, half the logarithm of the signal-to-noise ratio. From $\hat x=x_0+n\varepsilon$ and the equation follows
#
# $$\frac{d}{d\lambda}\frac{x}{\sigma}=e^{\lambda}\,\hat x_0,\qquad\text{since}\qquad \frac{d}{dn}\frac{\hat x}{n}=\frac{n\hat\varepsilon-\hat x}{n^2}=-\frac{\hat x_0}{n^2},\quad dn=-n\,d\lambda .$$
#
# Integrate from $\lambda_t$ to $\lambda_p$ (proposition 4.1 of [DPM-Solver++](https://arxiv.org/abs/2211.01095)):
#
# $$x_p=\frac{\sigma_p}{\sigma_t}\,x_t+\sigma_p\int_{\lambda_t}^{\lambda_p}e^{\lambda}\,\hat x_0(\lambda)\,d\lambda .$$
#
# The noise part is solved exactly; all that has to be guessed is how the predicted image changes within a step. Take it as constant, and with $h=\lambda_p-\lambda_t$ the integral gives $x_p=\frac{\sigma_p}{\sigma_t}x_t-\alpha_p(e^{-h}-1)\,\hat x_0$: DDIM again, now as an
# *exponential integrator*. All three forms are one step:
# %% [markdown] lang="zh-CN"
# ## 步子背后的曲线
#
# 把 DDIM 的一步除以 $\alpha$。记 $\hat x=x/\alpha$，噪声水平 $n=\sigma/\alpha$，就得到（DDIM 式 13）
#
# $$\hat x_p = \hat x_t + (n_p-n_t)\,\hat\varepsilon .$$
#
# 这恰好就是常微分方程 $\frac{d\hat x}{dn}=\hat\varepsilon(x)$（式 14）的**欧拉法**。它是 [Song et al.](https://arxiv.org/abs/2011.13456) 的*概率流*方程（该文式 13），其解把噪声的分布变成数据的分布，没有任何随机性。
# 前面 $\eta=0$ 的轨迹就是它的曲线。所以更好的采样器就是更好的**数值解法**，而数值分析会告诉我们它有多好：步长减半时误差除以 $2^k$，就称为 $k$ 阶。欧拉法是 1 阶。
#
# 换一副眼镜：时间取 $\lambda=\ln(\alpha/\sigma)=-\ln n$，即信噪比对数的一半。由 $\hat x=x_0+n\varepsilon$ 和上面的方程得
#
# $$\frac{d}{d\lambda}\frac{x}{\sigma}=e^{\lambda}\,\hat x_0,\qquad\text{since}\qquad \frac{d}{dn}\frac{\hat x}{n}=\frac{n\hat\varepsilon-\hat x}{n^2}=-\frac{\hat x_0}{n^2},\quad dn=-n\,d\lambda .$$
#
# 从 $\lambda_t$ 积分到 $\lambda_p$（[DPM-Solver++](https://arxiv.org/abs/2211.01095) 命题 4.1）：
#
# $$x_p=\frac{\sigma_p}{\sigma_t}\,x_t+\sigma_p\int_{\lambda_t}^{\lambda_p}e^{\lambda}\,\hat x_0(\lambda)\,d\lambda .$$
#
# 噪声的部分已经精确解出；要猜的只剩下：在一步之内，预测的图像怎样变化。把它当成常数，令 $h=\lambda_p-\lambda_t$，积分给出 $x_p=\frac{\sigma_p}{\sigma_t}x_t-\alpha_p(e^{-h}-1)\,\hat x_0$：又是 DDIM，
# 这一次是*指数积分法*。三种写法是同一步：
# %%
pair = time_pairs(schedule, 10)[4]
(alpha_t, alpha_p), (sigma_t, sigma_p) = schedule.alpha_sigma(pair)
n_t, n_p = schedule.noise_level(pair)
h = np.diff(schedule.half_log_snr(pair))[0]
x_0, eps = np.random.default_rng(SEED).standard_normal((2, 5))
x = formulas.q_sample(x_0, eps, alpha_t, sigma_t)
forms = {
    "DDIM, eq. 12": formulas.ddim_step(x_0, eps, 0.0, *schedule.alpha_bar(pair)),
    "Euler in n": alpha_p * (x / alpha_t + (n_p - n_t) * eps),
    "exponential in lambda": sigma_p / sigma_t * x - alpha_p * np.expm1(-h) * x_0,
}
for name, value in forms.items():
    print(f"{name:22s}", np.round(value, 12))
# %% tags=["check"]
# @title Check: three forms of one step
assert all(np.abs(value - forms["DDIM, eq. 12"]).max() < 1e-12 for value in forms.values())
# %% [markdown] lang="en"
# ## Second order for the price of the first
#
# In the step before, the network has predicted an image, too. Two predictions give a slope in $\lambda$. **DPM-Solver++(2M)** (algorithm 2; M for *multistep*) replaces the constant by
#
# $$D=\Bigl(1+\frac{1}{2r}\Bigr)\hat x_0(t)-\frac{1}{2r}\,\hat x_0(\text{before }t),\qquad r=\frac{h_\text{before}}{h},\qquad x_p=\frac{\sigma_p}{\sigma_t}x_t-\alpha_p(e^{-h}-1)\,D .$$
#
# $D$ is the straight line through both predictions, read half-way through the step. No further evaluation is needed: the earlier prediction is in the memory of the loop. In the table below that is the column *x0 before*, with its negative weights. The first row has nothing before it, and the last
# leads to $\sigma=0$, where $h$ is infinite: both are DDIM's.
# %% [markdown] lang="zh-CN"
# ## 花一阶的钱，买二阶的精度
#
# 上一步里，网络也预测过一幅图像。两次预测给出关于 $\lambda$ 的斜率。**DPM-Solver++(2M)**（算法 2；M 指*多步*）把常数换成
#
# $$D=\Bigl(1+\frac{1}{2r}\Bigr)\hat x_0(t)-\frac{1}{2r}\,\hat x_0(\text{before }t),\qquad r=\frac{h_\text{before}}{h},\qquad x_p=\frac{\sigma_p}{\sigma_t}x_t-\alpha_p(e^{-h}-1)\,D .$$
#
# $D$ 是过这两个预测的直线在这一步中点处的值。不需要再计算网络：上一次的预测就在循环的记忆里。下表中的 *x0 before* 一列就是它，权重为负。第一行之前什么都没有；
# 最后一行走到 $\sigma=0$，$h$ 为无穷大：这两行都是 DDIM 的。
# %%
show_source(samplers.dpmpp_2m)
print_table(samplers.table("dpmpp_2m", model.schedule, time_pairs(model.schedule, 5)))
# %% [markdown] lang="en"
# **[UniPC](https://arxiv.org/abs/2302.04867)** adds a *corrector* (algorithms 1 and 2). After the step the network reads the new $x$ anyway, for the next step. Its prediction there also tells how the step that has just been made should have gone. UniPC makes that step again with it, and only then goes on. This
# costs nothing, and raises the order by one (their section 3). **Heun's** method ([Karras et al.](https://arxiv.org/abs/2206.00364), algorithm 1) is the classical second order: it evaluates at both ends of each step, so a step costs two.
#
# **Measured.** For data $\mathcal N(\mu,s^2)$ everything is known. The best prediction is
#
# $$\varepsilon^*(x,t)=\frac{\sigma_t\,(x-\alpha_t\mu)}{\alpha_t^2s^2+\sigma_t^2},$$
#
# and along the curve $(x-\alpha_t\mu)/\sqrt{\alpha_t^2s^2+\sigma_t^2}$ does not change: insert it, $\frac{d}{dn}\frac{\hat x-\mu}{\sqrt{s^2+n^2}}=0$ gives $\frac{d\hat x}{dn}=\frac{n(\hat x-\mu)}{s^2+n^2}$, which is $\varepsilon^*$. So the exact end is $\mu+s\,\frac{x_T-\alpha_T\mu}{\sqrt{\alpha_T^2s^2+\sigma_T^2}}$. We walk there with each sampler, steps even in $\lambda$, and a fine grid
# of times so that rounding to one does not disturb. **Predict** the slopes before you look.
# %% [markdown] lang="zh-CN"
# **[UniPC](https://arxiv.org/abs/2302.04867)** 再加一个*校正*（算法 1 和 2）。走完一步之后，为了下一步，网络本来就要读新的 $x$。它在那里的预测也说明了刚才那一步本该怎么走。UniPC 用它把那一步重走一遍，然后才继续。
# 这不多花一次计算，阶数却加一（该文第 3 节）。**Heun** 法（[Karras et al.](https://arxiv.org/abs/2206.00364)，算法 1）是经典的二阶方法：每一步在两端各算一次，所以一步要算两次。
#
# **实测。** 数据为 $\mathcal N(\mu,s^2)$ 时一切已知。最好的预测是
#
# $$\varepsilon^*(x,t)=\frac{\sigma_t\,(x-\alpha_t\mu)}{\alpha_t^2s^2+\sigma_t^2},$$
#
# 而沿着曲线 $(x-\alpha_t\mu)/\sqrt{\alpha_t^2s^2+\sigma_t^2}$ 不变：代入检验，$\frac{d}{dn}\frac{\hat x-\mu}{\sqrt{s^2+n^2}}=0$ 给出 $\frac{d\hat x}{dn}=\frac{n(\hat x-\mu)}{s^2+n^2}$，这正是 $\varepsilon^*$。所以精确的终点是 $\mu+s\,\frac{x_T-\alpha_T\mu}{\sqrt{\alpha_T^2s^2+\sigma_T^2}}$。
# 我们用每个采样器走过去，步子在 $\lambda$ 上等距，时刻的网格很细，免得取整造成干扰。看图之前**先猜**一猜斜率。
# %%
MU, S_DATA = 0.3, 0.5
fine = make_schedule("cosine", 100_000)
x_T = np.linspace(-2, 2, 41)
alpha_T, sigma_T = fine.alpha_sigma(len(fine) - 1)
exact = MU + S_DATA * (x_T - alpha_T * MU) / np.sqrt(alpha_T**2 * S_DATA**2 + sigma_T**2)


def gaussian_eps(x, alpha, sigma):
    return sigma * (x - alpha * MU) / (alpha**2 * S_DATA**2 + sigma**2)


def convergence(make, numbers=(10, 20, 40, 80, 160, 320)):
    """Evaluations and largest errors of a sampler, make(schedule, pairs) → Table, and its order by the last three."""
    tables = [make(fine, time_pairs(fine, S, "logsnr")) for S in numbers]
    found = np.array([np.abs(walk(table, fine, gaussian_eps, x_T)[-1] - exact).max() for table in tables])
    return [len(table) for table in tables], found, -np.polyfit(np.log(numbers[-3:]), np.log(found[-3:]), 1)[0]


orders = {}
plt.figure(figsize=(6, 3.4))
for name, marker in (("ddim", "o"), ("heun", "^"), ("dpmpp_2m", "s"), ("unipc", "D")):
    nfe, found, orders[name] = convergence(lambda schedule, pairs, name=name: samplers.table(name, schedule, pairs))
    plt.loglog(nfe, found, marker + "-", ms=4, label=f"{name}: order {orders[name]:.2f}")
plt.xlabel("evaluations")
plt.ylabel("largest error at the end")
plt.legend()
plt.show()
# %% [markdown] lang="en"
# The slopes at the right are the orders: 1 for DDIM, 2 for Heun and for DPM-Solver++(2M), 3 for UniPC, whose predictor is that of DPM-Solver++(2M). Heun needs twice the evaluations for the same steps. At the left, with ten evaluations, the order is not yet all that counts.
# %% [markdown] lang="zh-CN"
# 右端的斜率就是阶数：DDIM 是 1，Heun 和 DPM-Solver++(2M) 是 2，UniPC（其预测步就是 DPM-Solver++(2M)）是 3。同样的步数，Heun 要算两倍的次数。在左端，只有十次计算时，阶数还不是全部。
# %% tags=["check"]
# @title Check: the orders of convergence
for name, order, tolerance in (("ddim", 1, 0.15), ("heun", 2, 0.2), ("dpmpp_2m", 2, 0.2), ("unipc", 3, 0.4)):
    assert abs(orders[name] - order) < tolerance, (name, orders[name])
# %% [markdown] lang="en"
# ## With the trained network
#
# First the error against the exact curve of *this network*: from the same noise, how far does each sampler end from where many steps of Heun's method end? Then what counts in the end: quality, as a judge sees it. It is a small classifier, trained on the same data set; its features give a
# Fréchet distance to the training images (notebook 8 says what that can and cannot tell). The grey line is its value for real test images, as many of them.
# %% [markdown] lang="zh-CN"
# ## 换成训练好的网络
#
# 先看相对于*这个网络*的精确曲线的误差：从同样的噪声出发，每个采样器的终点离 Heun 法走很多步的终点有多远？再看最终要紧的：评判器眼中的质量。评判器是在同一数据集上训练的小分类器；
# 用它的特征计算到训练图像的 Fréchet 距离（这个数能说明什么、不能说明什么，见第 8 篇）。灰线是同样数量的真实测试图像的值。
# %%
CURVE = {"clip_denoised": False, **PLAIN}
many = np.resize(LABELS, 20)
target = model.sample(labels=many, seed=SEED, sampler="heun", steps=40, **CURVE)
NAMES, STEPS = ("ddim", "dpmpp_2m", "unipc"), (3, 5, 10, 20)
apart = {name: [rms(model.sample(labels=many, seed=SEED, sampler=name, steps=s, **CURVE), target) for s in STEPS] for name in NAMES}
# %%
from dataclasses import replace

from genzoo.data.pipeline import permutation
from genzoo.data.pixels import to_uint8
from genzoo.evaluation.metrics.distances import frechet_distance
from genzoo.evaluation.metrics.judge import RECIPE, train_judge


def half(images):
    """uint8 images at half their size: the judge learns four times as fast."""
    n, height, width, channels = images.shape
    return images.reshape(n, height // 2, 2, width // 2, 2, channels).mean((2, 4)).round().astype(np.uint8)


halved = replace(data, train_images=half(data.train_images), test_images=half(data.test_images))
judge = train_judge(halved, RECIPE | {"least_steps": 250})  # a sixth of the steps that `genzoo evaluate` takes
print(f"the judge reads {judge.accuracy:.1%} of the {len(data.test_labels)} test images right")
# %%
shuffled = permutation(len(data.test_labels), 0)
asked = np.resize(data.test_labels[shuffled], N)
real_features = judge.read(halved.train_images).features


def quality(**options):
    """The Fréchet distance of N samples from the training images."""
    images = model.sample(labels=asked, seed=SEED, **PLAIN, **options)
    return frechet_distance(judge.read(half(to_uint8(images, data.native_shape))).features, real_features)


real_floor = frechet_distance(judge.read(halved.test_images[shuffled[:N]]).features, real_features)
JUDGED = STEPS[:-1]
scores = {name: [quality(sampler=name, steps=s) for s in JUDGED] for name in (*NAMES, "ddpm")}
# %%
figure, axes = plt.subplots(1, 2, figsize=(8, 3.2))
for name, marker in zip(scores, "osD^", strict=True):
    if name in apart:
        axes[0].loglog(STEPS, apart[name], marker + "-", ms=4, label=name)
    axes[1].loglog(JUDGED, scores[name], marker + "-", ms=4, label=name)
axes[0].set(title="error against the exact curve", ylabel="root mean square")
axes[1].axhline(real_floor, color="0.6", label="real test images")
axes[1].set(title=f"Fréchet distance, n = {N}, one seed")
for axis, ticks in zip(axes, (STEPS, JUDGED), strict=True):
    axis.set(xlabel="evaluations", xticks=ticks, xticklabels=ticks)
    axis.minorticks_off()
    axis.legend(fontsize=7)
plt.show()
print("evaluations          " + "".join(f"{s:8d}" for s in STEPS))
for name in NAMES:
    print(f"error, {name:14s}" + "".join(f"{value:8.3f}" for value in apart[name]))
for name, values in scores.items():
    print(f"Fréchet, {name:12s}" + "".join(f"{value:8.1f}" for value in values))
print(f"Fréchet, real        {real_floor:8.1f}")
# %% [markdown] lang="en"
# At the left: each sampler comes nearer to the curve with more steps, and DDIM stays behind. At the right: UniPC, the nearest to the curve, is ahead in quality, too, at three and five evaluations. (`ddpm` follows no curve, so it is in the right plot only.) At ten all are nearly alike, and a little up or down is the noise of one seed and one judge:
# what is left above the grey line is the network's own error, which no solver can mend. So the order of a solver matters where steps are few, and beyond that one should train longer, not step finer.
# %% [markdown] lang="zh-CN"
# 左图：步数越多，每个采样器离曲线越近，DDIM 落在后面。右图：离曲线最近的 UniPC，在三次和五次计算时质量也领先。（`ddpm` 不沿任何曲线走，所以只出现在右图。）到十次计算时，各种采样器已相差无几，略高略低只是一个种子、一个评判器的噪声：
# 高出灰线的部分是网络自身的误差，任何解法都补不了。所以步数少时解法的阶数要紧；再往后，该做的是多训练，而不是把步子分得更细。
# %% tags=["check"]
# @title Check: errors fall with steps, DDIM is behind; few steps of UniPC are better, ten of all alike
for name in NAMES:
    assert apart[name][-1] < 0.5 * apart[name][0]
assert apart["dpmpp_2m"][-1] < apart["ddim"][-1] and apart["unipc"][STEPS.index(10)] < apart["ddim"][STEPS.index(10)]
early = {name: sum(values[:2]) for name, values in scores.items()}  # 3 and 5 steps
assert early["unipc"] < early["ddim"]
ten = [values[-1] for values in scores.values()]
assert max(ten) < 1.5 * min(ten)
assert all(values[-1] < values[0] for values in scores.values())
# %% [markdown] lang="en"
# ## Exercises
#
# **1. Your own sampler.** The classical two-step method of Adams and Bashforth for $\frac{d\hat x}{dn}=\hat\varepsilon$ takes the line through the last two slopes, read half-way: with $r=\frac{n_p-n_t}{n_t-n_\text{before}}$,
# $\hat x_p=\hat x_t+(n_p-n_t)\bigl[(1+\frac r2)\,\hat\varepsilon_t-\frac r2\,\hat\varepsilon_\text{before}\bigr]$. Write it as a table (`samplers.Table.of(t, rows)`, a row being seven weights: three images, three noises, newest first, and fresh noise), measure its order with `convergence`, and draw digits with it.
#
# **2. Which $\eta$ for ten steps?** For the Gaussian data above each step is linear in $x$, so that the variance of what a sampler ends with can be computed exactly, without any draw. Plot the deviation at the end against the number of steps for $\eta=0$, $\eta=1$ and `ddpm` with `variance="fixed_large"`. Which is nearest to the true $s$?
# %% [markdown] lang="zh-CN"
# ## 练习
#
# **1. 你自己的采样器。** 对 $\frac{d\hat x}{dn}=\hat\varepsilon$，经典的 Adams–Bashforth 两步法取过最近两个斜率的直线在中点处的值：令 $r=\frac{n_p-n_t}{n_t-n_\text{before}}$，
# $\hat x_p=\hat x_t+(n_p-n_t)\bigl[(1+\frac r2)\,\hat\varepsilon_t-\frac r2\,\hat\varepsilon_\text{before}\bigr]$。把它写成一张表（`samplers.Table.of(t, rows)`，一行是七个权重：三个图像、三个噪声，新的在前，最后是新噪声），用 `convergence` 测出它的阶数，并用它画数字。
#
# **2. 走十步该用哪个 $\eta$？** 对上面的高斯数据，每一步都是 $x$ 的线性函数，所以采样结果的方差可以精确算出，不用抽样。对 $\eta=0$、$\eta=1$ 以及 `variance="fixed_large"` 的 `ddpm`，画出终点的标准差随步数的变化。哪个最接近真正的 $s$？
# %% tags=["solution"]
# @title Solution: 1, a two-step sampler as a table
from genzoo.models.plans import Plan, Rows

X0, _, _, EPS, EPS_BEFORE, _, _ = np.eye(7)


def adams_bashforth(schedule, pairs):
    rows, before = [], np.inf  # nothing lies before the first step: r = 0
    alphas = schedule.alpha_sigma(pairs[:, 1])[0]
    for (n, n_p), alpha_p in zip(schedule.noise_level(pairs), alphas, strict=True):
        r = (n_p - n) / (n - before)
        slope = (1 + r / 2) * EPS - r / 2 * EPS_BEFORE
        rows.append(alpha_p * (X0 + n * EPS + (n_p - n) * slope))
        before = n
    return samplers.Table.of(pairs[:, 0], rows)


_, _, order = convergence(adams_bashforth)
table = adams_bashforth(model.schedule, time_pairs(model.schedule, 10))
plan = Plan(Rows.of(table, model.schedule, guidance=1.0, rescale=0.0, clip=0.0), np.ones(len(table), int))
show(np.clip(model.arrive(noise, plan, LABELS), -1, 1), title=f"ten lines, ten steps; measured order {order:.2f}")
assert abs(order - 2) < 0.2
# %% tags=["solution"]
# @title Solution: 2, the variance at the end, exactly
def deviation(name, steps, **options):
    table, variance = samplers.table(name, schedule, time_pairs(schedule, steps), **options), 1.0
    for i, t in enumerate(table.t):
        alpha, sigma = schedule.alpha_sigma(t)
        eps = gaussian_eps(1.0, alpha, sigma) - gaussian_eps(0.0, alpha, sigma)  # the slope of eps* in x
        slope = table.x0_weights[i, 0] * (1 - sigma * eps) / alpha + table.eps_weights[i, 0] * eps
        variance = slope**2 * variance + table.fresh[i] ** 2
    return variance**0.5


numbers = (5, 10, 20, 50, 200)
kinds = {"eta 0": ("ddim", {"eta": 0.0}), "eta 1": ("ddim", {"eta": 1.0}), "fixed_large": ("ddpm", {"variance": "fixed_large"})}
final = {label: [deviation(name, S, **options) for S in numbers] for label, (name, options) in kinds.items()}
plt.figure(figsize=(6, 2.8))
for (label, values), marker in zip(final.items(), "o^s", strict=True):
    plt.semilogx(numbers, values, marker + "-", label=label)
plt.axhline(S_DATA, color="0.6", label="the data")
plt.xlabel("steps")
plt.ylabel("deviation at the end")
plt.xticks(numbers, numbers)
plt.legend()
plt.show()
print("With few steps the deterministic sampler is too narrow, that of the posterior's variance narrower still, since a point")
print("prediction leaves out what is not known about x0; 'fixed_large' adds noise for it, here about as much as is needed.")
assert final["eta 1"][1] < final["eta 0"][1] < S_DATA < final["fixed_large"][1]
# %% [markdown] lang="en"
# ## References
#
# - Song, Meng, Ermon 2021, [Denoising Diffusion Implicit Models](https://arxiv.org/abs/2010.02502): eq. 4, 7–9, 12–14, 16, lemma 1, theorem 1, sections 4.3, 5.3.
# - Ho, Jain, Abbeel 2020, [DDPM](https://arxiv.org/abs/2006.11239): eq. 4, 7.
# - Song et al. 2021, [Score-based generative modeling through SDEs](https://arxiv.org/abs/2011.13456): eq. 13, the probability flow.
# - Lin et al. 2023, [Common diffusion noise schedules and sample steps are flawed](https://arxiv.org/abs/2305.08891): table 2.
# - Karras et al. 2022, [Elucidating the design space of diffusion-based generative models](https://arxiv.org/abs/2206.00364): algorithm 1.
# - Lu et al. 2022, [DPM-Solver++](https://arxiv.org/abs/2211.01095): proposition 4.1, algorithm 2.
# - Zhao et al. 2023, [UniPC](https://arxiv.org/abs/2302.04867): algorithms 1 and 2.
#
# Next: [the families side by side](08_side_by_side.ipynb). Before: [guidance](06_guidance.ipynb).
# %% [markdown] lang="zh-CN"
# ## 参考文献
#
# - Song, Meng, Ermon 2021，[Denoising Diffusion Implicit Models](https://arxiv.org/abs/2010.02502)：式 4、7–9、12–14、16，引理 1，定理 1，4.3 与 5.3 节。
# - Ho, Jain, Abbeel 2020，[DDPM](https://arxiv.org/abs/2006.11239)：式 4、7。
# - Song et al. 2021，[Score-based generative modeling through SDEs](https://arxiv.org/abs/2011.13456)：式 13，概率流。
# - Lin et al. 2023，[Common diffusion noise schedules and sample steps are flawed](https://arxiv.org/abs/2305.08891)：表 2。
# - Karras et al. 2022，[Elucidating the design space of diffusion-based generative models](https://arxiv.org/abs/2206.00364)：算法 1。
# - Lu et al. 2022，[DPM-Solver++](https://arxiv.org/abs/2211.01095)：命题 4.1，算法 2。
# - Zhao et al. 2023，[UniPC](https://arxiv.org/abs/2302.04867)：算法 1 和 2。
#
# 下一篇：[各模型并排比较](08_side_by_side.ipynb)。上一篇：[引导](06_guidance.ipynb)。
