# %% [markdown] lang="en"
# # 8. Side by side: what each number can and cannot say
#
# Six families, one data set, one judge. At the end you will be able to read a table of generative models: what each column measures, how sure it is, and how it can be fooled, since you will have fooled it.
# %% [markdown] lang="zh-CN"
# # 8. 并排比较：每个数能说明什么，不能说明什么
#
# 六种模型，一个数据集，一个评判器。读完本篇，你会看懂生成模型的比较表：每一列量的是什么，有多可靠，以及怎样骗过它，因为你将亲手骗过它。
# %%
DATA = "digits"  # or "mnist", "fashion_mnist", "folder:PATH": any labelled set that `genzoo train --data` takes
SIZE = 16  # pixels a side
STEPS = 150  # of each training here; more: better pictures
SEED = 0
# %%
import matplotlib.pyplot as plt
import numpy as np
from IPython.display import Markdown, display

from genzoo import build, load, load_data
from genzoo.pictures.show import show, show_source
from genzoo.stack import keras, tf

tf.get_logger().setLevel("ERROR")  # TensorFlow wonders at so many models in one process
plt.rcParams |= {"figure.figsize": (7, 3), "figure.dpi": 80, "figure.constrained_layout.use": True}
ZOO = ("ae", "vae", "cvae", "blend", "ddpm", "cddpm")
drawn = {}
for family in ZOO:
    model = load(f"zoo:{family}-mnist")
    drawn[family] = model.sample(10, labels=np.arange(10) if model.conditional else None, seed=SEED)
show(list(drawn.values()), rows=ZOO)
# %% [markdown] lang="en"
# Ten samples of each family from the package's weights, all trained on MNIST for about as long; `cvae` and `cddpm` were asked for 0 to 9. Not selected. **Before you read on:** rank the rows. Then try to say *why*: which are blurred, which are broken, and is any of them missing something that ten samples cannot show?
#
# ## The table
#
# `genzoo evaluate` and `genzoo compare` measured these runs. The figures lie beside the weights, in a `metrics.json`; the package reads it and refuses figures of other weights. Where more than one judge is printed, it was trained more than once: the
# trainings read nearly as well, and yet their features differ, so distances by one and by the other compare only roughly.
# %% [markdown] lang="zh-CN"
# 每种模型十个样本，权重来自本包，都在 MNIST 上训练了差不多长的时间；`cvae` 和 `cddpm` 被要求画 0 到 9。没有挑选。**继续读之前：** 给各行排个名次。再说说*为什么*：哪些模糊，哪些残缺，有没有哪一种少了什么，而十个样本看不出来？
#
# ## 表
#
# `genzoo evaluate` 和 `genzoo compare` 测量了这些模型。数据放在权重旁边的 `metrics.json` 里；包负责读取，若不是当前权重的结果就拒绝。如果下面印出不止一个评判器，那就是它训练过不止一次：
# 几次训练读得几乎一样准，特征却不同，所以由不同的评判器得出的距离只能粗略比较。
# %%
from genzoo.evaluation import scores
from genzoo.pictures.tables import Table
from genzoo.runs import metrics_file
from genzoo.runs.run import Run

runs = {family: Run.open(f"zoo:{family}-mnist") for family in ZOO}
results = {family: metrics_file.latest(run) for family, run in runs.items()}
results = {family: result for family, result in results.items() if result}
SHOWN = ("frechet", "kid", "density", "coverage", "sure", "classes", "accuracy", "nearest", "copies", "bits")


def table_of(rows, floor, keys=SHOWN):
    columns = [column for column in scores.QUALITY if column.key in keys]
    return Table(columns, [(name, {k: scores.cell(row[k]) for k in keys if k in row}) for name, row in rows.items()],
                 ("real test images", {k: scores.cell(floor[k]) for k in keys if k in floor}))  # fmt: skip


first = next(iter(results.values()))
print(f"{first['asked']['n']:,} samples from each of {len(first['asked']['seeds'])} seeds; ± is the standard deviation between seeds")
for line in dict.fromkeys(scores.judge_line(result) for result in results.values()):
    print(f"judge: {line}")
mnist = {family: result["metrics"] for family, result in results.items()}
display(Markdown(table_of(mnist, first["floor"]).markdown()))
# %% tags=["check"]
# @title Check: every family has figures of its present weights, measured alike
assert set(results) == set(ZOO)
assert len({(r["asked"]["n"], tuple(r["asked"]["seeds"])) for r in results.values()}) == 1
judges = [r["judge"]["accuracy"] for r in results.values()]
assert max(judges) - min(judges) < 0.001  # trainings of one judge: all of them read as well
# %% [markdown] lang="en"
# Arrows say which way is better; ↔ means *best near the last row*. That row is the **floor**: as many real test images through the same code. No model can be expected to do better, and even there the distances are not 0 and the shares not 100 %. We now take the columns one by one, on a set where everything can be done in seconds.
#
# ## The judge
#
# Nobody can compare distributions of pixels directly: a digit that is moved by one pixel is far away in pixels and the same to us. So all columns but the last three read images with a **judge**: a small classifier, trained on the training images. It gives a class, a probability of that class, and its last hidden layer: the **features**. (FID takes a network trained on ImageNet. Its numbers do not compare with ours.)
# %% [markdown] lang="zh-CN"
# 箭头表示哪个方向更好；↔ 表示*越接近最后一行越好*。最后一行是**下限**：同样数量的真实测试图像走同样的代码。不能指望模型比它更好；而即使是它，距离也不是 0，比例也不是 100 %。下面我们逐列来看，用一个几秒钟就能做完实验的数据集。
#
# ## 评判器
#
# 没人能直接比较像素的分布：数字平移一个像素，像素上差得很远，在我们看来却没变。所以除最后三列外，各列都由**评判器**来读图：一个在训练图像上训练的小分类器。它给出类别、该类别的概率，以及最后一个隐藏层的输出：**特征**。（FID 用的是在 ImageNet 上训练的网络，它的数值不能与我们的比较。）
# %%
from dataclasses import replace

from genzoo.data.pipeline import permutation
from genzoo.data.pixels import to_float, to_uint8
from genzoo.evaluation.metrics.classifier import make_network
from genzoo.evaluation.metrics.distances import frechet_distance, kernel_distance
from genzoo.evaluation.metrics.intervals import wilson
from genzoo.evaluation.metrics.judge import RECIPE, train_judge
from genzoo.evaluation.metrics.neighbours import prdc
from genzoo.evaluation.metrics.reference import Reference

show_source(make_network)
data = load_data(DATA, image_size=SIZE)
judge = train_judge(data, RECIPE | {"least_steps": 250})  # `genzoo evaluate` takes 1,500 on this set
N = min(297, len(data.test_images))
ORDER = permutation(len(data.test_images), 0)[:N]
test_images, test_labels = data.test_images[ORDER], data.test_labels[ORDER]
hits = round(judge.accuracy * len(data.test_images))
low, high = wilson(hits, len(data.test_images))
print(f"the judge reads {hits} of {len(data.test_images)} test images right: {judge.accuracy:.1%}, 95 % interval {low:.1%} to {high:.1%}")


class Bench(Reference):
    """The package's `Reference`, with this judge."""

    def __init__(self, data):
        self.data, self.judge, self.test_order, self._floors = data, judge, permutation(len(data.test_images), 0), {}


bench = Bench(data)
floor = bench.measure(test_images, test_labels)
# %% tags=["check"]
# @title Check: the judge can read
assert judge.accuracy > 0.9 or DATA != "digits"
# %% [markdown] lang="en"
# A judge that errs cannot certify 100 %. Each share has an interval that says how far chance reaches. The textbook's $\hat p\pm1.96\sqrt{\hat p(1-\hat p)/n}$ fails where shares are near 1: with no error at all it says ±0. [Wilson's interval](https://doi.org/10.1080/01621459.1927.10502953) (1927) asks which $p$ would make the observed $\hat p$ plausible, $|\hat p-p|\le z\sqrt{p(1-p)/n}$, and solves for $p$:
#
# $$\frac{\hat p+\frac{z^2}{2n}\pm z\sqrt{\frac{\hat p(1-\hat p)}{n}+\frac{z^2}{4n^2}}}{1+\frac{z^2}{n}} .$$
#
# **Measured:** how often does each 95 % interval hold the truth, if that is 99.5 % and $n=400$?
# %% [markdown] lang="zh-CN"
# 会出错的评判器不能证明 100 %。每个比例都有一个区间，说明偶然性能有多大。教科书上的 $\hat p\pm1.96\sqrt{\hat p(1-\hat p)/n}$ 在比例接近 1 时失效：一个错都没有时，它说 ±0。[Wilson 区间](https://doi.org/10.1080/01621459.1927.10502953)（1927）问：哪些 $p$ 会使观测到的 $\hat p$ 显得合理，即 $|\hat p-p|\le z\sqrt{p(1-p)/n}$，再解出 $p$：
#
# $$\frac{\hat p+\frac{z^2}{2n}\pm z\sqrt{\frac{\hat p(1-\hat p)}{n}+\frac{z^2}{4n^2}}}{1+\frac{z^2}{n}} .$$
#
# **实测：** 若真值为 99.5 %、$n=400$，两种 95 % 区间各有多少次包含真值？
# %%
show_source(wilson)
TRUTH, DRAWS = 0.995, 400
seen = np.random.default_rng(SEED).binomial(DRAWS, TRUTH, 5000)
share = seen / DRAWS
reach = 1.96 * np.sqrt(share * (1 - share) / DRAWS)
ends = np.array([wilson(int(k), DRAWS) for k in seen])
holds = {"textbook": np.mean(abs(share - TRUTH) <= reach), "Wilson": np.mean((ends[:, 0] <= TRUTH) & (ends[:, 1] >= TRUTH))}
print("  ".join(f"{name}: {value:.1%}" for name, value in holds.items()))
# %% tags=["check"]
# @title Check: Wilson's interval keeps its word, the textbook's does not
assert 0.93 < holds["Wilson"] < 0.97 and holds["textbook"] < 0.9
# %% [markdown] lang="en"
# ## Fréchet distance
#
# Fit a Gaussian to the features of real images, mean $\mu$ and covariance $C$, and one to those of the samples, $\mu'$ and $C'$. Their squared Fréchet distance (the 2-Wasserstein distance, which has a closed form for Gaussians; [Heusel et al. 2017](https://arxiv.org/abs/1706.08500), eq. 6):
#
# $$d^2=\lVert\mu-\mu'\rVert^2+\operatorname{tr}\!\bigl(C+C'-2\,(CC')^{1/2}\bigr).$$
#
# **It is biased in $n$.** Take samples from *exactly* the real Gaussian, so that the true distance is 0. Measured with $n$ samples it is not 0: a covariance of few vectors is always a bit wrong, and each way of being wrong counts as distance. Look how it falls with $n$, nearly as $1/n$. At its side the **kernel distance** (KID, [Bińkowski et al. 2018](https://arxiv.org/abs/1801.01401)):
# the squared maximum mean discrepancy with the kernel $k(x,y)=(x\cdot y/d+1)^3$,
#
# $$\widehat{\mathrm{MMD}}{}^2=\frac{1}{n(n-1)}\sum_{i\ne j}k(x_i,x_j)+\frac{1}{m(m-1)}\sum_{i\ne j}k(y_i,y_j)-\frac{2}{nm}\sum_{i,j}k(x_i,y_j),$$
#
# which leaves out $i=j$ and is unbiased: its values scatter around 0, below it as often as above.
# %% [markdown] lang="zh-CN"
# ## Fréchet 距离
#
# 对真实图像的特征拟合一个高斯分布，均值 $\mu$、协方差 $C$；对样本的特征也拟合一个，$\mu'$ 和 $C'$。两者的 Fréchet 距离的平方（即 2-Wasserstein 距离，对高斯分布有闭式；[Heusel et al. 2017](https://arxiv.org/abs/1706.08500) 式 6）：
#
# $$d^2=\lVert\mu-\mu'\rVert^2+\operatorname{tr}\!\bigl(C+C'-2\,(CC')^{1/2}\bigr).$$
#
# **它随 $n$ 有偏。** 从*恰好就是*真实的那个高斯分布中抽样，真实距离为 0。用 $n$ 个样本去量却不是 0：向量少，协方差总有些偏差，而无论怎样的偏差都算作距离。看它怎样随 $n$ 下降，差不多按 $1/n$。旁边是**核距离**（KID，[Bińkowski et al. 2018](https://arxiv.org/abs/1801.01401)）：
# 核函数 $k(x,y)=(x\cdot y/d+1)^3$ 下最大均值差异的平方，
#
# $$\widehat{\mathrm{MMD}}{}^2=\frac{1}{n(n-1)}\sum_{i\ne j}k(x_i,x_j)+\frac{1}{m(m-1)}\sum_{i\ne j}k(y_i,y_j)-\frac{2}{nm}\sum_{i,j}k(x_i,y_j),$$
#
# 它去掉了 $i=j$ 的项，是无偏的：数值在 0 的上下散布，有时大于 0，有时小于 0。
# %%
show_source(frechet_distance)
mean, covariance = bench.features.mean(0), np.cov(bench.features, rowvar=False)
values, vectors = np.linalg.eigh(covariance)
root = vectors * np.sqrt(np.clip(values, 0, None))
gauss = np.random.default_rng(SEED)


def normal(n, shift=0.0):
    return mean + shift + gauss.standard_normal((n, len(mean))) @ root.T


truth = normal(20_000)
SIZES, REPEATS = (150, 300, 600, 1200, 2400, 4800), 6
biased = np.array([[frechet_distance(normal(n), truth) for _ in range(REPEATS)] for n in SIZES])
unbiased = np.array([[kernel_distance(normal(n), normal(n))[0] for _ in range(REPEATS)] for n in SIZES])
figure, axes = plt.subplots(1, 2, figsize=(7.5, 2.8))
for axis, found, name in zip(axes, (biased, unbiased), ("Fréchet distance", "KID"), strict=True):
    axis.errorbar(SIZES, found.mean(1), found.std(1, ddof=1), marker="o", ms=4, capsize=3)
    axis.axhline(0, color="0.6")
    axis.set(xscale="log", xlabel="n", title=f"{name}, truth 0", xticks=SIZES, xticklabels=SIZES)
    axis.minorticks_off()
plt.show()
offset = np.sqrt(biased[1].mean() / 2 / len(mean))  # a shift of the mean that is worth half the bias at n = 300
perfect, wrong = frechet_distance(normal(300), truth), frechet_distance(normal(4800, offset), truth)
print(f"a perfect model with n = 300: {perfect:.1f};   a wrong one (truth {len(mean) * offset**2:.1f}) with n = 4,800: {wrong:.1f}")
# %% tags=["check"]
# @title Check: the Fréchet distance is biased upwards and falls with n, KID is not
slope = np.polyfit(np.log(SIZES), np.log(biased.mean(1)), 1)[0]
assert -1.3 < slope < -0.7 and biased.min() > 0
error = unbiased.std(1, ddof=1) / REPEATS**0.5
assert (np.abs(unbiased.mean(1)) < 5 * error).all() and (unbiased < 0).any() and (unbiased > 0).any()
assert wrong < perfect
# %% [markdown] lang="en"
# The last line is the trap: a *wrong* model measured with many samples beats a *perfect* one measured with few. So compare values of equal $n$ only, beside a floor of the same $n$. The bias also differs between models ([Chong & Forsyth 2020](https://arxiv.org/abs/1911.07023)); exercise 2 removes most of it.
#
# **The features decide.** We spoil the test images in two ways: moved by one pixel, and with noise added. Three feature maps give three opinions: the judge, the raw pixels, and a network with the judge's layers and random weights. Each value is over that map's own floor. **Predict:** the judge was trained on images moved by up to a pixel. Which of the two will it mind?
# %% [markdown] lang="zh-CN"
# 最后一行就是陷阱：一个*错的*模型用很多样本去量，胜过用很少样本去量的*完美*模型。所以只能比较 $n$ 相同的值，并且旁边要有同样 $n$ 的下限。偏差还因模型而异（[Chong & Forsyth 2020](https://arxiv.org/abs/1911.07023)）；练习 2 去掉其中的大部分。
#
# **特征说了算。** 我们用两种方式弄坏测试图像：平移一个像素，以及加噪声。三种特征给出三种意见：评判器、原始像素、与评判器同样结构但权重随机的网络。每个值都除以该特征自己的下限。**先猜：** 评判器训练时见过平移一个像素的图像。这两种里，它会在意哪一种？
# %%
noise_rng = np.random.default_rng(SEED)
moved = np.roll(test_images, 1, axis=2)
noisy = np.clip(test_images + noise_rng.normal(0, 40, test_images.shape), 0, 255).astype(np.uint8)
untrained = make_network(data.image_shape, data.num_classes, RECIPE["features"], trained=True)
maps = {
    "judge": lambda images: judge.read(images).features,
    "pixels": lambda images: images.reshape(len(images), -1) / 255.0,
    "random network": lambda images: np.asarray(untrained(to_float(images), training=False)[1]),
}
opinions = {}
for name, features_of in maps.items():
    of_training = features_of(data.train_images)
    base, *rest = (frechet_distance(features_of(images), of_training) for images in (test_images, moved, noisy))
    opinions[name] = [value / base for value in rest]
show([test_images[:10] / 127.5 - 1, moved[:10] / 127.5 - 1, noisy[:10] / 127.5 - 1], rows=["test images", "moved", "noisy"])
print("Fréchet distance in floors      moved     noisy")
for name, (a, b) in opinions.items():
    print(f"  {name:24s}{a:10.1f}{b:10.1f}   → {'noisy' if b > a else 'moved'} is worse")
# %% tags=["check"]
# @title Check: two feature maps, two rankings
if DATA == "digits":
    assert opinions["judge"][0] < opinions["judge"][1] and opinions["pixels"][0] > opinions["pixels"][1]
# %% [markdown] lang="en"
# The same images, the same formula, opposite rankings. A Fréchet distance without the name of its features is no statement. And it sees a mean and a covariance only: what agrees in these two is one and the same for it.
#
# ## Density and coverage
#
# Draw a ball around every real feature vector, out to its $k$-th nearest real neighbour ($k=5$). With $n$ real vectors $x_i$ and $m$ samples $y_j$ ([Naeem et al. 2020](https://arxiv.org/abs/2002.09797), section 3):
#
# $$\text{density}=\frac{1}{km}\sum_{j=1}^{m}\sum_{i=1}^{n}\mathbf 1\bigl[y_j\in B_k(x_i)\bigr],\qquad \text{coverage}=\frac1n\sum_{i=1}^{n}\mathbf 1\bigl[\exists\,j:\;y_j\in B_k(x_i)\bigr].$$
#
# Density asks whether samples lie where real images are dense; 1 is expected, more is possible. Coverage asks whether *every* neighbourhood of real images has a sample. On the plane one can see both:
# %% [markdown] lang="zh-CN"
# 同样的图像、同样的公式，排名相反。不说明用了什么特征的 Fréchet 距离等于什么也没说。而且它只看均值和协方差：这两者相同的，在它看来就是一样的。
#
# ## 密度与覆盖率
#
# 以每个真实特征向量为心画一个球，半径到它的第 $k$ 个最近的真实邻居（$k=5$）。设有 $n$ 个真实向量 $x_i$、$m$ 个样本 $y_j$（[Naeem et al. 2020](https://arxiv.org/abs/2002.09797) 第 3 节）：
#
# $$\text{density}=\frac{1}{km}\sum_{j=1}^{m}\sum_{i=1}^{n}\mathbf 1\bigl[y_j\in B_k(x_i)\bigr],\qquad \text{coverage}=\frac1n\sum_{i=1}^{n}\mathbf 1\bigl[\exists\,j:\;y_j\in B_k(x_i)\bigr].$$
#
# 密度问：样本是否落在真实图像密集的地方；期望值为 1，也可以更大。覆盖率问：真实图像的*每个*邻域里是否都有样本。在平面上两者都看得见：
# %%
plane = np.random.default_rng(SEED)


def blobs(n):
    return np.concatenate([plane.normal((-2, 0), 0.5, (n // 2, 2)), plane.normal((2, 0), 0.5, (n - n // 2, 2))])


real = np.concatenate([blobs(50), [[0.0, 3.5]]])  # and one outlier, whose ball is large
radii = np.sort(np.linalg.norm(real[:, None] - real[None], axis=-1), axis=1)[:, 5]
fakes = {"like the real ones": blobs(50), "one blob only": plane.normal((-2, 0), 0.5, (50, 2)), "around the outlier": plane.normal((0, 3), 0.4, (50, 2))}
toy = {name: prdc(real, fake) for name, fake in fakes.items()}
figure, axes = plt.subplots(1, 3, figsize=(8, 3.2), sharey=True)
for axis, (name, fake) in zip(axes, fakes.items(), strict=True):
    for centre, radius in zip(real, radii, strict=True):
        axis.add_patch(plt.Circle(centre, radius, color="0.5", alpha=0.06))
    axis.plot(*real.T, ".", color="0.3")
    axis.plot(*fake.T, "x", ms=4, color="C1")
    axis.set(title=f"{name}\ndensity {toy[name]['density']:.2f}, coverage {toy[name]['coverage']:.2f}", aspect="equal", xlim=(-5, 5), ylim=(-3.5, 7))
    axis.title.set_fontsize(9)
plt.show()
print("precision, any ball will do:", "  ".join(f"{name}: {value['precision']:.2f}" for name, value in toy.items()))
expected = np.prod([(len(data.train_images) - i) / (N + len(data.train_images) - i) for i in range(1, 6)])
print(f"coverage of real test images: {floor['coverage']['value']:.3f}; expected for {N} against {len(data.train_images)}: {1 - expected:.3f}")
# %% [markdown] lang="en"
# Dots are real, crosses are samples, discs are the balls. One blob only: density stays high, coverage halves. Around the outlier: *precision*, an older measure that asks for any ball, is content; density is not. And why is the floor of coverage not 1? A ball stays empty if its centre's five nearest vectors among the $n-1$ real ones and the $m$ samples are all real. If both sets come from one distribution,
# that has probability $\prod_{i=1}^{5}\frac{n-i}{n+m-i}$. So coverage depends on $m$ and $n$: compare it at equal numbers, like everything here.
# %% [markdown] lang="zh-CN"
# 点是真实的，叉是样本，圆盘是那些球。只有一团：密度仍高，覆盖率减半。聚在离群点周围：较早的指标*精确率*只要落进任何一个球就满意，密度则不然。覆盖率的下限为什么不是 1？如果球心在 $n-1$ 个真实向量和 $m$ 个样本之中的五个最近邻全是真实的，这个球就是空的。若两组来自同一分布，
# 其概率为 $\prod_{i=1}^{5}\frac{n-i}{n+m-i}$。所以覆盖率取决于 $m$ 和 $n$：和这里的一切一样，只在数量相同时比较。
# %% tags=["check"]
# @title Check: who sees a lost blob, who sees the outlier, and the floor of coverage
good, half, outlier = toy.values()
assert half["density"] > 0.6 and half["coverage"] < 0.65 * good["coverage"]
assert outlier["precision"] > 0.8 and outlier["density"] < 0.5
assert abs(floor["coverage"]["value"] - (1 - expected)) < 0.08
# %% [markdown] lang="en"
# ## Fool them all
#
# Now a test of the tests. We make sets of images whose fault we know, and let every metric judge them:
#
# - **copies**: training images. No model at all, and nothing new.
# - **prototypes**: one training image of each class, again and again.
# - **half the classes**: real test images, of the first half of the classes only.
# - **noise**, **blur**, **moved**: test images, spoiled.
# - **labels off by one**: real test images, each under the name of the next class.
#
# What counts as *noticed*? We measure real training images against the other training images, four times, and say how many of *their* standard deviations a set lies away. (For shares at least the scatter of Wilson's interval.) **Predict a cell** before you run: which metric sees the copies? Which does not see the lost classes?
# %% [markdown] lang="zh-CN"
# ## 骗过所有人
#
# 现在检验这些检验。我们造出毛病已知的图像集，让每个指标来评：
#
# - **copies**：训练图像。根本没有模型，也没有任何新东西。
# - **prototypes**：每类一张训练图像，反复使用。
# - **half the classes**：真实测试图像，但只有前一半的类别。
# - **noise**、**blur**、**moved**：弄坏的测试图像。
# - **labels off by one**：真实测试图像，但每张都挂着下一类的名字。
#
# 怎样算*察觉*？我们用真实训练图像对照其余的训练图像，量四次，再看某个集合偏离了*它们*的几个标准差。（对于比例，至少取 Wilson 区间的散布。）运行前**先猜一格**：哪个指标看得出 copies？哪个看不出丢掉的类别？
# %%
def blurred(images):
    x = np.pad(images.astype(float), [(0, 0), (1, 1), (1, 1), (0, 0)], mode="edge")
    height, width = images.shape[1:3]
    return (sum(x[:, i : i + height, j : j + width] for i in range(3) for j in range(3)) / 9).round().astype(np.uint8)


shuffle = permutation(len(data.train_images), SEED, 1)


def of_training(i):
    """Indices of training images, as many of each label as in the test images; of each i others, while there are."""
    chosen = np.empty(N, int)
    for label in np.unique(test_labels):
        places, own = np.flatnonzero(test_labels == label), shuffle[data.train_labels[shuffle] == label]
        chosen[places] = np.take(own, np.arange(i * len(places), (i + 1) * len(places)), mode="wrap")
    return chosen


one_each = np.array([np.flatnonzero(data.train_labels == label)[0] for label in range(data.num_classes)])
few = np.resize(np.flatnonzero(test_labels < data.num_classes // 2), N)
SETS = {
    "copies": (data.train_images[of_training(0)], test_labels),
    "prototypes": (data.train_images[one_each[test_labels]], test_labels),
    "half the classes": (test_images[few], test_labels[few]),
    "noise": (noisy, test_labels),
    "blur": (blurred(test_images), test_labels),
    "moved": (moved, test_labels),
    "labels off by one": (test_images, (test_labels + 1) % data.num_classes),
}
KEYS = ("frechet", "kid", "density", "coverage", "sure", "classes", "accuracy", "nearest", "copies")
judged = {name: bench.measure(*pair) for name, pair in SETS.items()}
honest = []
for i in range(4):
    mine = of_training(i)
    others = np.setdiff1d(shuffle, mine)
    held_out = replace(data, train_images=data.train_images[others], train_labels=data.train_labels[others])
    honest.append(Bench(held_out).measure(data.train_images[mine], data.train_labels[mine]))


def deviation(key):
    values = np.array([one[key]["value"] for one in honest])
    width = np.ptp(floor[key]["interval"]) / 3.92 if "interval" in floor[key] else 0.01 * abs(values.mean())
    return max(values.std(ddof=1), width)


rows = ["real test images", *SETS]
value = np.array([[one[key]["value"] for key in KEYS] for one in (floor, *judged.values())])
away = np.abs(value - value[0]) / [deviation(key) for key in KEYS]
figure, axis = plt.subplots(figsize=(8, 3.6))
image = axis.imshow(np.minimum(away, 20), cmap="Blues", aspect="auto", vmin=0, vmax=20)
for (i, j), number in np.ndenumerate(value):
    text = next(column for column in scores.QUALITY if column.key == KEYS[j]).show(number)
    axis.text(j, i, text, ha="center", va="center", fontsize=8, color="white" if away[i, j] > 12 else "black")
axis.set(xticks=range(len(KEYS)), yticks=range(len(rows)), yticklabels=rows)
axis.set_xticklabels(["Fréchet", "KID", "density", "coverage", "p > 0.9", "classes", "as asked", "nearest", "copies"], fontsize=8)
figure.colorbar(image, label="deviations from real")
plt.show()
print(f"Fréchet distance of the whole training set, handed in as samples: {abs(frechet_distance(bench.features, bench.features)):.4f}")
show([pair[0][:10] / 127.5 - 1 for pair in SETS.values()], rows=list(SETS), scale=2)
# %% [markdown] lang="en"
# Numbers are the values; the darker a cell, the farther from real images. Read it by rows:
#
# - **Copies** pass for real images, or for better than real, everywhere but in `nearest` and `copies`. Handed in as a whole, the training set has a Fréchet distance of exactly 0: a distance of distributions cannot know that nothing was created. (On this small set many real test images count as near copies, too: digits are alike. So here, too, the floor is what to compare with.)
# - **Prototypes** pass `p > 0.9`, `classes` and `as asked`: ten images suffice. Coverage and Fréchet distance see it at once.
# - **Half the classes**: each image is perfect, so `p > 0.9` and `as asked` are content. `classes`, coverage and the distances see it.
# - **Labels off by one**: only `as asked` looks at labels at all. Every other column is exactly that of the test images.
#
# No column sees everything, and each row is missed by some. That is why the table has so many.
# %% [markdown] lang="zh-CN"
# 数字是指标的值；格子越深，离真实图像越远。逐行来读：
#
# - **Copies** 除了 `nearest` 和 `copies` 之外，处处都像真实图像，甚至比真实的还好。把整个训练集交上去，Fréchet 距离恰好为 0：分布之间的距离不可能知道什么都没有被创造出来。（在这个小数据集上，许多真实测试图像也算作近似拷贝，因为数字彼此相像。所以这里同样要与下限比较。）
# - **Prototypes** 通过了 `p > 0.9`、`classes` 和 `as asked`：十张图像就够了。覆盖率和 Fréchet 距离立刻看得出来。
# - **Half the classes**：每张图都完美，所以 `p > 0.9` 和 `as asked` 都满意。`classes`、覆盖率和两种距离看得出来。
# - **Labels off by one**：只有 `as asked` 会看标签。其他各列与测试图像的完全相同。
#
# 没有哪一列什么都看得见，每一行也都有列看漏。所以表里才有这么多列。
# %% tags=["check"]
# @title Check: who is fooled by what
def of(name, key):
    return value[rows.index(name), KEYS.index(key)]


def far(name, key):
    return away[rows.index(name), KEYS.index(key)]


assert of("copies", "copies") > 0.99 and of("copies", "nearest") < 1e-3 and abs(frechet_distance(bench.features, bench.features)) < 1e-3
assert all(far("copies", key) < 6 for key in ("frechet", "kid", "sure", "classes", "accuracy"))
assert of("copies", "coverage") > 0.9 * of("real test images", "coverage")
assert min(of("prototypes", "sure"), of("prototypes", "accuracy")) > 0.85 and far("prototypes", "classes") < 5
assert of("prototypes", "coverage") < 0.1 and of("prototypes", "frechet") > 3 * of("real test images", "frechet")
assert far("half the classes", "sure") < 5 and far("half the classes", "classes") > 20 and far("half the classes", "coverage") > 3
same = [key for key in KEYS if of("labels off by one", key) == of("real test images", key)]
assert same == [key for key in KEYS if key != "accuracy"] and of("labels off by one", "accuracy") < 0.1
if DATA == "digits":
    assert far("noise", "frechet") > 3 and far("half the classes", "frechet") > 3
# %% [markdown] lang="en"
# ## Likelihood
#
# The last column asks something else: how probable does the model find test images? For images of 256 levels and $D$ numbers, $\text{bits/dim}=-\log_2 p(x)/D$. Uniform noise has 8. VAEs and diffusion models give a bound, at least as large as the truth (notebooks 2 and 5); `ae` and `blend` have no density. It needs no judge. **But it does not say whether samples look good** ([Theis et al. 2016](https://arxiv.org/abs/1511.01844), section 3).
#
# Two experiments with a model whose likelihood is exact: pick a training image at random and add normal noise of deviation $v$ in each pixel, $p(x)=\frac1K\sum_k\prod_i P(x_i\mid x^{(k)}_i,v)$, where $P$ is the normal's mass on the pixel's level (DDPM, eq. 13). First we change $v$. Then we replace 99 % of the model by uniform noise.
# %% [markdown] lang="zh-CN"
# ## 似然
#
# 最后一列问的是另一件事：模型认为测试图像有多大的概率？图像有 256 级灰度、$D$ 个数时，$\text{bits/dim}=-\log_2 p(x)/D$。均匀噪声是 8。VAE 和扩散模型给出一个界，不小于真值（见第 2、5 篇）；`ae` 和 `blend` 没有密度。它不需要评判器。**但它不说明样本好不好看**（[Theis et al. 2016](https://arxiv.org/abs/1511.01844) 第 3 节）。
#
# 用一个似然可以精确算出的模型做两个实验：随机取一张训练图像，给每个像素加上标准差为 $v$ 的正态噪声，$p(x)=\frac1K\sum_k\prod_i P(x_i\mid x^{(k)}_i,v)$，其中 $P$ 是正态分布在该像素那一级上的概率（DDPM 式 13）。先改变 $v$，再把模型的 99 % 换成均匀噪声。
# %%
from genzoo.evaluation.metrics.pixels import log_levels

tested = tf.constant(test_images[:48] / 127.5 - 1, tf.float32)
sources = tf.constant(data.train_images[shuffle[:400]] / 127.5 - 1, tf.float32)
D = int(np.prod(data.native_shape))


def log_likelihood(v):
    """log p of each tested image, in nats."""
    each = [tf.reduce_sum(log_levels(x[None], sources, v), axis=[1, 2, 3]) for x in tested]
    return tf.reduce_logsumexp(tf.stack(each), axis=1).numpy().astype(float) - np.log(len(sources))


def bits(nats):
    return -np.mean(nats) / D / np.log(2)


WIDTHS = (0.02, 0.1, 0.3, 0.6)
nats = {v: log_likelihood(v) for v in WIDTHS}
best = min(WIDTHS, key=lambda v: bits(nats[v]))
mixed = np.logaddexp(np.log(0.01) + nats[best], np.log(0.99) - D * np.log(256))
paint = np.random.default_rng(SEED)
samples = {v: np.clip(sources[:10] + paint.normal(0, v, sources[:10].shape), -1, 1) for v in (0.02, best)}
ninety_nine = paint.uniform(-1, 1, sources[:10].shape)
show([*samples.values(), ninety_nine], rows=[f"v = {v}: {bits(nats[v]):.2f} bits/dim" for v in samples] + [f"99 % noise: {bits(mixed):.2f}"])
print("  ".join(f"v = {v}: {bits(nats[v]):.2f}" for v in WIDTHS), "bits/dim")
print(f"with 99 % noise {bits(mixed):.3f} instead of {bits(nats[best]):.3f}: a difference of {bits(mixed) - bits(nats[best]):.3f}")
# %% [markdown] lang="en"
# The first row looks perfect and has a bad likelihood: test images are no copies. The second looks noisy and has a good one. In the third 99 of 100 samples are noise, at a cost of at most $\ln 100$ nats an image: $\ln 100/(D\ln2)$ bits/dim, a few hundredths. So a small difference in bits/dim can be all the difference to the eye, and a large one none.
# %% [markdown] lang="zh-CN"
# 第一行看上去完美，似然却很差：测试图像不是拷贝。第二行看上去满是噪点，似然却好。第三行里每 100 个样本有 99 个是噪声，每张图像的代价至多 $\ln 100$ 奈特：$\ln 100/(D\ln2)$ bits/dim，只有百分之几。所以 bits/dim 上的一点点差别，眼睛看来可能是天壤之别；而很大的差别，看上去可能毫无不同。
# %% tags=["check"]
# @title Check: good looks and a bad likelihood, bad looks and a good one
assert bits(nats[0.02]) > bits(nats[best]) + 1
assert 0 < bits(mixed) - bits(nats[best]) <= np.log(100) / D / np.log(2) + 1e-6
# %% [markdown] lang="en"
# ## Live: three families in a minute
#
# The same judge, the same floor, short trainings on the small set: a VAE, a CVAE and a guided diffusion model. Below them the package's `cddpm` that was trained on the digits for longer, its samples brought to this size. With so few steps no family is at its best; what you see is which of them learns what first.
# %% [markdown] lang="zh-CN"
# ## 现场训练：一分钟三种模型
#
# 同样的评判器、同样的下限，在小数据集上短短训练：VAE、CVAE 和带引导的扩散模型。最下面是包里在数字上训练得更久的 `cddpm`，样本缩到这里的尺寸。步数这么少，没有哪种模型处于最佳状态；你看到的是谁先学会什么。
# %%
from genzoo.data.resize import fit_array


def trained(family, batch=64, **options):
    keras.utils.set_random_seed(SEED)
    model = build(family, image_shape=data.image_shape, num_classes=data.num_classes, **options)
    model.ema_decay = 0.98
    model.compile(optimizer=keras.optimizers.Adam(2e-3))
    model.prepare_training(to_float(data.train_images))
    done = epoch = 0
    while done < STEPS:
        batches = data.train_batches(batch, seed=SEED, epoch=epoch).take(STEPS - done)
        model.fit(batches, shuffle=False, verbose=0)
        done, epoch = done + min(data.steps_per_epoch(batch), STEPS - done), epoch + 1
    model.prepare_sampling(to_float(data.train_images), data.train_labels)
    return model


contenders = {
    "vae": trained("vae", widths=(16, 32, 32), latent_dim=16),
    "cvae": trained("cvae", widths=(16, 32, 32), latent_dim=16),
    "cddpm": trained("cddpm", widths=(16, 32)),
}
if DATA == "digits":
    contenders["zoo:cddpm-digits"] = load("zoo:cddpm-digits")
live, pictures = {}, {"real": test_images[:10] / 127.5 - 1}
for name, model in contenders.items():
    asked = test_labels if model.conditional else None
    made = model.sample(N, labels=asked, seed=SEED)
    made = to_uint8(made, data.native_shape if model.image_shape == data.image_shape else model.image_shape)
    if made.shape[1:] != data.native_shape:
        made = np.stack([fit_array(one, data.native_shape[0]) for one in made])
    pictures[name], live[name] = made[:10] / 127.5 - 1, bench.measure(made, asked)
show(list(pictures.values()), rows=list(pictures))
display(Markdown(table_of(live, floor, KEYS).markdown()))
for name, row in live.items():
    if "interval" in row["accuracy"]:
        low, high = row["accuracy"]["interval"]
        print(f"{name}: {row['accuracy']['value']:.1%} as asked, 95 % interval {low:.1%} to {high:.1%} (n = {N}, one seed)")
# %% tags=["check"]
# @title Check: longer training is seen by the judge
if DATA == "digits":
    assert live["zoo:cddpm-digits"]["frechet"]["value"] < live["vae"]["frechet"]["value"]
for row in live.values():
    assert row["frechet"]["value"] > 0 and row["copies"]["value"] <= 1
# %% [markdown] lang="en"
# ## What it costs
#
# Back to MNIST. Quality is one axis; what an image costs is the other. NFE are the evaluations of the network for one image, and a guided step counts two. Time depends on the machine, NFE does not.
# %% [markdown] lang="zh-CN"
# ## 代价
#
# 回到 MNIST。质量是一个轴，画一张图的代价是另一个轴。NFE 是画一张图要计算多少次网络，带引导的一步算两次。时间取决于机器，NFE 不取决于机器。
# %% tags=["cover"]
figure, axes = plt.subplots(1, 2, figsize=(8, 3))
for i, (family, result) in enumerate(results.items()):
    x, y, c = result["cost"]["nfe"], result["metrics"]["frechet"]["value"], result["metrics"]["coverage"]["value"]
    axes[0].semilogy(x, y, "o", color=f"C{i}", label=family)
    axes[1].plot(y, c, "o", color=f"C{i}")
    axes[1].annotate(family, (y, c), xytext=(4, 3), textcoords="offset points", fontsize=8)
axes[0].axhline(first["floor"]["frechet"]["value"], color="0.6")
axes[1].plot(first["floor"]["frechet"]["value"], first["floor"]["coverage"]["value"], "*", color="0.4", label="real test images")
axes[0].set(xscale="log", xlabel="evaluations an image (NFE)", ylabel="Fréchet distance", title="cost")
axes[1].set(xscale="log", xlabel="Fréchet distance", ylabel="coverage", title="two views of quality")
for axis in axes:
    axis.legend(fontsize=7)
plt.show()
# %% [markdown] lang="en"
# ## So which is best?
#
# The next cell reads the answer from the numbers, so that it holds for whatever weights the package brings. Read it with what you now know: each line is the answer to *one* question.
# %% [markdown] lang="zh-CN"
# ## 那么哪个最好？
#
# 下一格从数字中读出答案，所以无论包里带的是哪一版权重都成立。请带着你现在的知识去读：每一行只回答*一个*问题。
# %%
def ranked(key, largest=False, where="metrics"):
    """Returns {family: value}, the best first, of the families that have one."""
    found = {family: result[where][key] for family, result in results.items()}
    if where == "metrics":
        found = {family: score["value"] for family, score in found.items() if "value" in score}
    shown = next(column.show for column in (*scores.QUALITY, *scores.COST) if column.key == key)
    return {family: shown(found[family]) for family in sorted(found, key=found.get, reverse=largest)}


QUESTIONS = {
    "whose features are distributed most like those of real images": ranked("frechet"),
    "who covers most of the real neighbourhoods": ranked("coverage", True),
    "whose samples lie where real images are dense": ranked("density", True),
    "who draws what it is asked for": ranked("accuracy", True),
    "who finds test images most probable": ranked("bits"),
    "who rebuilds a test image best": ranked("mse"),
    "who needs the fewest evaluations": ranked("nfe", where="cost"),
}
for question, found in QUESTIONS.items():
    print(f"{question}:\n    {', '.join(f'{family} {value}' for family, value in found.items())}")
memorisers = [family for family, result in results.items() if scores.memorised(result)]
print(f"near copies more frequent than among real test images: {', '.join(memorisers) or 'none of them'}")
frechet = {family: result["metrics"]["frechet"] for family, result in results.items()}
a, b, *_ = ranked("frechet")
gap = (frechet[b]["value"] - frechet[a]["value"]) / np.hypot(frechet[a]["sd"], frechet[b]["sd"])
print(f"the first two by Fréchet distance, {a} and {b}, lie {gap:.1f} standard deviations (between seeds) apart")
# %% [markdown] lang="en"
# Families that sample in steps come out ahead of the autoencoders in Fréchet distance; the autoencoders need one evaluation where the others need many. So no family wins every line. And mind what is *not* in the table: each family was trained once, with one seed and one budget of minutes; how far another training would come is not part of ±. All of it is one data set of small grey images, read by one judge.
#
# A checklist for any such table: Which features? How many samples, and a floor of as many? Intervals? Something for diversity beside something for quality? Something against copies? At what cost?
# %% [markdown] lang="zh-CN"
# 分步采样的模型在 Fréchet 距离上领先于自编码器；而自编码器只需计算一次网络，其他的要许多次。所以没有哪种模型在每一行都赢。还要留意表里*没有*的东西：每种模型只训练了一次，一个种子、一份时间预算；再训练一次会差多少，不包含在 ± 里。而且这一切只是一个小灰度图数据集，由一个评判器来读。
#
# 读任何这类表的清单：用的什么特征？多少样本，有没有同样数量的下限？有区间吗？除了质量，有没有衡量多样性的？有没有防拷贝的？代价是多少？
# %% tags=["check"]
# @title Check: the sentences above agree with the numbers
stepwise, direct = ("blend", "ddpm", "cddpm"), ("ae", "vae", "cvae")
assert max(frechet[f]["value"] for f in stepwise) < min(frechet[f]["value"] for f in direct)
assert all(results[f]["cost"]["nfe"] == 1 for f in direct) and all(results[f]["cost"]["nfe"] > 1 for f in stepwise)
assert next(iter(ranked("frechet"))) not in direct
# %% [markdown] lang="en"
# ## Exercises
#
# **1. Cheat in public.** Make a set of $N$ images, out of training images alone, that beats the VAE above in Fréchet distance *and* has fewer `copies` than real test images. What does that say about the column `copies`?
#
# **2. Remove the bias.** The bias of the Fréchet distance falls nearly as $1/n$. Measure a perfect model (`normal`, whose true distance is 0) and the VAE at several $n$, fit a line in $1/n$ and read it at $1/n=0$ ([Chong & Forsyth 2020](https://arxiv.org/abs/1911.07023) do so). Is the distance of the perfect model then 0?
# %% [markdown] lang="zh-CN"
# ## 练习
#
# **1. 公开作弊。** 只用训练图像，造出 $N$ 张图像，Fréchet 距离胜过上面的 VAE，*而且* `copies` 比真实测试图像还少。这说明 `copies` 这一列怎么样？
#
# **2. 去掉偏差。** Fréchet 距离的偏差差不多按 $1/n$ 下降。在几个 $n$ 下量一个完美的模型（`normal`，真实距离为 0）和 VAE，对 $1/n$ 拟合一条直线，读出 $1/n=0$ 处的值（[Chong & Forsyth 2020](https://arxiv.org/abs/1911.07023) 就是这样做的）。这时完美模型的距离是 0 吗？
# %% tags=["solution"]
# @title Solution: 1, copies in disguise
disguised = np.roll(data.train_images[of_training(0)], 1, axis=2)  # the judge does not mind a pixel, the pixels' distance does
cheat = bench.measure(disguised, test_labels)
rows = {"disguised copies": cheat, "vae": live["vae"], "real test images": floor}
for name, row in rows.items():
    print(f"{name:18s} Fréchet distance {row['frechet']['value']:6.2f}   copies {row['copies']['value']:6.1%}")
print("`copies` compares pixels in place: it finds copies that are exact or nearly so, and no others. No metric proves novelty.")
if DATA == "digits":
    assert cheat["copies"]["value"] < floor["copies"]["value"]
    assert cheat["frechet"]["value"] < live["vae"]["frechet"]["value"]
# %% tags=["solution"]
# @title Solution: 2, towards infinitely many samples
counts = np.array([300, 600, 1200, 2400])
made = to_uint8(contenders["vae"].sample(2400, seed=SEED + 1), data.native_shape)
sets = {"perfect": (normal(2400), truth), "vae": (judge.read(made).features, bench.features)}
limit = {}
for name, (features, against) in sets.items():
    found = [np.mean([frechet_distance(part, against) for part in np.split(features, 2400 // n)]) for n in counts]
    slope, limit[name] = np.polyfit(1 / counts, found, 1)
    print(f"{name:8s}" + "".join(f"n = {n}: {value:.2f}   " for n, value in zip(counts, found, strict=True)) + f"n → ∞: {limit[name]:.2f}")
print("The perfect model comes out near 0. What remains of the VAE's distance is its own.")
assert abs(limit["perfect"]) < 0.3 * biased[1].mean() and limit["vae"] > limit["perfect"]
# %% [markdown] lang="en"
# ## References
#
# - Heusel et al. 2017, [GANs trained by a two time-scale update rule](https://arxiv.org/abs/1706.08500): eq. 6, the Fréchet distance of features.
# - Bińkowski et al. 2018, [Demystifying MMD GANs](https://arxiv.org/abs/1801.01401): KID.
# - Naeem et al. 2020, [Reliable fidelity and diversity metrics](https://arxiv.org/abs/2002.09797): density and coverage.
# - Kynkäänniemi et al. 2019, [Improved precision and recall](https://arxiv.org/abs/1904.06991): precision by balls.
# - Chong & Forsyth 2020, [Effectively unbiased FID](https://arxiv.org/abs/1911.07023): the bias in $n$.
# - Theis et al. 2016, [A note on the evaluation of generative models](https://arxiv.org/abs/1511.01844): likelihood against looks.
# - Carlini et al. 2023, [Extracting training data from diffusion models](https://arxiv.org/abs/2301.13188): copies by relative distance.
# - Ho et al. 2020, [DDPM](https://arxiv.org/abs/2006.11239): eq. 13, the likelihood of levels.
# - Wilson 1927, [Probable inference](https://doi.org/10.1080/01621459.1927.10502953): the interval.
#
# Before: [fast sampling](07_fast_sampling.ipynb).
# %% [markdown] lang="zh-CN"
# ## 参考文献
#
# - Heusel et al. 2017，[GANs trained by a two time-scale update rule](https://arxiv.org/abs/1706.08500)：式 6，特征的 Fréchet 距离。
# - Bińkowski et al. 2018，[Demystifying MMD GANs](https://arxiv.org/abs/1801.01401)：KID。
# - Naeem et al. 2020，[Reliable fidelity and diversity metrics](https://arxiv.org/abs/2002.09797)：密度与覆盖率。
# - Kynkäänniemi et al. 2019，[Improved precision and recall](https://arxiv.org/abs/1904.06991)：用球定义的精确率。
# - Chong & Forsyth 2020，[Effectively unbiased FID](https://arxiv.org/abs/1911.07023)：随 $n$ 的偏差。
# - Theis et al. 2016，[A note on the evaluation of generative models](https://arxiv.org/abs/1511.01844)：似然与观感。
# - Carlini et al. 2023，[Extracting training data from diffusion models](https://arxiv.org/abs/2301.13188)：用相对距离找拷贝。
# - Ho et al. 2020，[DDPM](https://arxiv.org/abs/2006.11239)：式 13，灰度级的似然。
# - Wilson 1927，[Probable inference](https://doi.org/10.1080/01621459.1927.10502953)：区间。
#
# 上一篇：[快速采样](07_fast_sampling.ipynb)。
