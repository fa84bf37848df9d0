# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown] lang="en"
# # 3. The conditional VAE
#
# At the end you will ask a model for a seven in the handwriting of a given three, you will have a classifier that nobody trained as one, and
# you will know where a label must enter a network, and where it goes lost.
#
# **The question.** The VAE of [the second notebook](02_vae.ipynb) draws some digit. We want to say *which*. The labels are
# known in training: what changes in the formulas, in the network, and in what the latent learns?

# %% [markdown] lang="zh-CN"
# # 3. 条件变分自编码器
#
# 读完本篇，你可以要求模型用某个“3”的笔迹写一个“7”，会得到一个没有人专门训练过的分类器，还会知道标签必须从哪里进入网络、又会在哪里丢失。
#
# **问题。** [第二篇](02_vae.ipynb)的 VAE 会画出某个数字。我们想指定画 *哪一个*。训练时标签是已知的：公式、网络以及隐变量学到的东西会有什么变化？

# %%
DATA = "digits"  # or "mnist", "fashion_mnist", "folder:PATH" with a subfolder a class: a set that has labels
SIZE = 16  # pixels a side; None: the set's own
STEPS = 400  # of each training here; more: better pictures
SEED = 0

# %%
import math

import matplotlib.pyplot as plt
import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.svm import SVC

import genzoo
from genzoo.data.pixels import to_float
from genzoo.evaluation.metrics.bounds import elbo_and_importance, log_weights
from genzoo.models.autoencoder import Autoencoder
from genzoo.models.cvae import CVAE
from genzoo.models.vae import VAE
from genzoo.networks.blocks import LabelEmbedding
from genzoo.networks.encoder_decoder import Decoder, Encoder
from genzoo.pictures.show import show, show_source, slider
from genzoo.stack import keras, tf

plt.rcParams.update({"figure.dpi": 80, "figure.figsize": (6, 3), "axes.grid": True, "grid.alpha": 0.3})
data = genzoo.load_data(DATA, image_size=SIZE)
train_images, test_images = to_float(data.train_images), to_float(data.test_images[:500])  # [N, H, W, C] in [-1, 1]
train_labels, test_labels = data.train_labels, data.test_labels[:500]
D, K = math.prod(data.image_shape), data.num_classes  # numbers in an image, labels
names = data.class_names
rng = np.random.default_rng(SEED)
firsts = np.array([np.flatnonzero(train_labels == k)[:4] for k in range(K)])  # four images of each label
show([train_images[firsts[:, i]] for i in range(4)], labels=names, title=f"{data.name}: images and their labels")

# %% [markdown] lang="en"
# ## The conditional bound
#
# Let $y$ be the label. Everything that was $p(x)$ becomes $p(x \mid y)$:
#
# $$p_\theta(x \mid y) = \int p(z \mid y)\, p_\theta(x \mid z, y)\, dz .$$
#
# For every fixed $y$ this is a VAE, so the derivation is that of the second notebook with $y$ behind each bar: multiply and divide by
# $q_\phi(z \mid x, y)$, then Jensen,
#
# $$\begin{aligned}
# \log p_\theta(x \mid y) &= \log \mathbb{E}_{q_\phi(z \mid x, y)}\!\left[ \frac{p(z \mid y)\, p_\theta(x \mid z, y)}{q_\phi(z \mid x, y)} \right]
# \ge \mathbb{E}_{q_\phi(z \mid x, y)}\!\left[ \log \frac{p(z \mid y)\, p_\theta(x \mid z, y)}{q_\phi(z \mid x, y)} \right] \\
# &= \mathbb{E}_{q_\phi(z \mid x, y)}\big[\log p_\theta(x \mid z, y)\big] - \mathrm{KL}\big(q_\phi(z \mid x, y) \,\Vert\, p(z \mid y)\big) =: \mathcal{L}(x, y) .
# \end{aligned}$$
#
# The gap is again a divergence, $\mathrm{KL}\big(q_\phi(z \mid x, y) \,\Vert\, p_\theta(z \mid x, y)\big)$. This is eq. 4 of
# [Sohn et al. 2015](https://papers.nips.cc/paper/2015/hash/8d55a249e6baa5c06772297520da2051-Abstract.html), who write $x$ for what is given and $y$ for what is
# made. (Kingma et al. 2014, [arXiv:1406.5298](https://arxiv.org/abs/1406.5298), eq. 6, is the same with $\log p(y)$ added.)
#
# **A choice.** Sohn et al. let a network give $p(z \mid y)$. Here, as in most code for images, $p(z \mid y) = \mathcal{N}(0, I)$ for every label. This makes $z$ and $y$ *independent*: whatever the
# label says, $z$ need not say again, and pays nats if it does. So $z$ is left with the style.

# %% [markdown] lang="zh-CN"
# ## 条件下界
#
# 设 $y$ 是标签。原来的 $p(x)$ 都变成 $p(x \mid y)$：
#
# $$p_\theta(x \mid y) = \int p(z \mid y)\, p_\theta(x \mid z, y)\, dz .$$
#
# 对每个固定的 $y$，这就是一个 VAE，所以推导与第二篇相同，只是每条竖线后面多了 $y$：乘以再除以
# $q_\phi(z \mid x, y)$，然后用 Jensen 不等式，
#
# $$\begin{aligned}
# \log p_\theta(x \mid y) &= \log \mathbb{E}_{q_\phi(z \mid x, y)}\!\left[ \frac{p(z \mid y)\, p_\theta(x \mid z, y)}{q_\phi(z \mid x, y)} \right]
# \ge \mathbb{E}_{q_\phi(z \mid x, y)}\!\left[ \log \frac{p(z \mid y)\, p_\theta(x \mid z, y)}{q_\phi(z \mid x, y)} \right] \\
# &= \mathbb{E}_{q_\phi(z \mid x, y)}\big[\log p_\theta(x \mid z, y)\big] - \mathrm{KL}\big(q_\phi(z \mid x, y) \,\Vert\, p(z \mid y)\big) =: \mathcal{L}(x, y) .
# \end{aligned}$$
#
# 差距仍是一个散度 $\mathrm{KL}\big(q_\phi(z \mid x, y) \,\Vert\, p_\theta(z \mid x, y)\big)$。这就是
# [Sohn et al. 2015](https://papers.nips.cc/paper/2015/hash/8d55a249e6baa5c06772297520da2051-Abstract.html) 的式 4，他们用 $x$ 表示给定的量，用 $y$ 表示要生成的量。
# （Kingma et al. 2014,[arXiv:1406.5298](https://arxiv.org/abs/1406.5298)，式 6，与此相同，只是多了 $\log p(y)$。）
#
# **一个选择。** Sohn et al. 用网络给出 $p(z \mid y)$。这里与多数图像代码一样，对每个标签都取 $p(z \mid y) = \mathcal{N}(0, I)$。这使 $z$ 与 $y$ *独立*：
# 标签已经说过的，$z$ 不必再说，再说就要多付 nats。于是留给 $z$ 的是风格。

# %% [markdown] lang="en"
# ## How the label enters
#
# A label is a number without size: 7 is not more than 3. So each label gets a learned vector $e(y)$. In the **encoder** it could stand as constant
# channels beside the pixels. The first layer is a 1×1 convolution, and for the pixel at $(i, j)$ that is
#
# $$W \begin{pmatrix} x_{ij} \\ e(y) \end{pmatrix} = W_x\, x_{ij} + W_e\, e(y),$$
#
# the same vector $W_e\, e(y)$ added everywhere. So the package convolves the image alone and adds a learned vector: the same, for less work. In the **decoder**
# the vector stands beside $z$ before the first dense layer, which mixes both into every place and every channel.

# %% [markdown] lang="zh-CN"
# ## 标签如何进入网络
#
# 标签是没有大小之分的编号：7 并不比 3 多。所以每个标签都有一个学到的向量 $e(y)$。在 **编码器** 里，它可以作为常数通道放在像素旁边。
# 第一层是 1×1 卷积，对位于 $(i, j)$ 的像素来说就是
#
# $$W \begin{pmatrix} x_{ij} \\ e(y) \end{pmatrix} = W_x\, x_{ij} + W_e\, e(y),$$
#
# 即在每个位置都加上同一个向量 $W_e\, e(y)$。所以软件包只对图像做卷积，再加上一个学到的向量：结果相同，计算更少。在 **解码器** 里，
# 这个向量与 $z$ 并排放在第一个全连接层之前，由它把两者混合到每个位置、每个通道。

# %%
show_source(LabelEmbedding, Encoder.call, Decoder.call)
pixels, label = rng.standard_normal((1, 8, 8, 4)).astype(np.float32), rng.standard_normal((1, 3)).astype(np.float32)
both = np.concatenate([pixels, np.broadcast_to(label[:, None, None], (1, 8, 8, 3))], axis=-1)
weights = rng.standard_normal((7, 5)).astype(np.float32)
difference = np.abs(both @ weights - (pixels @ weights[:4] + (label @ weights[4:])[:, None, None])).max()
print(f"constant channels or an added vector: largest difference {difference:.0e}")

# %% [markdown] lang="en"
# ## A trap: flat vectors, then a reshape
#
# A decoder could also compute 1,024 numbers from $z$ and 1,024 from the label, concatenate them, and then reshape the 2,048 numbers to
# $4 \times 4 \times 128$. It trains, and looks right. **Predict, then run:** which of the $4 \times 4$ places hold $z$, which the label?

# %% [markdown] lang="zh-CN"
# ## 一个陷阱：先拼接展平的向量，再改变形状
#
# 解码器也可以由 $z$ 算出 1,024 个数，由标签算出 1,024 个数，把它们拼接起来，再把这 2,048 个数改成
# $4 \times 4 \times 128$ 的形状。这样能训练，看起来也没问题。**先预测，再运行：** $4 \times 4$ 个位置中，哪些放的是 $z$，哪些放的是标签？

# %%
of_z, of_label = np.zeros((1, 4 * 4 * 64), np.float32), np.ones((1, 4 * 4 * 64), np.float32)
flat = np.concatenate([of_z, of_label], axis=-1).reshape(1, 4, 4, 128)  # as in the text
apart = np.concatenate([of_z.reshape(1, 4, 4, 64), of_label.reshape(1, 4, 4, 64)], axis=-1)  # each to its own channels
print("share of label numbers at each place, flat:")
print(flat.mean(axis=-1)[0])
print("reshaped before they are concatenated:")
print(apart.mean(axis=-1)[0])


def reach(start):
    """Where anything of `start` arrives after three times 'convolve 3×3, double' and a last 3×3, [1, 32, 32, 1]."""
    ones = tf.ones([3, 3, 1, 1])
    paths = tf.cast(start.any(axis=-1, keepdims=True), tf.float32)
    for _ in range(3):
        paths = tf.repeat(tf.repeat(tf.nn.conv2d(paths, ones, 1, "SAME"), 2, axis=1), 2, axis=2)
    return tf.nn.conv2d(paths, ones, 1, "SAME").numpy()


paths = {"label": reach(flat == 1), "latent": reach(flat == 0)}
fig, axes = plt.subplots(1, 2, figsize=(5, 2.6))
for ax, (name, count) in zip(axes, paths.items(), strict=True):
    ax.imshow(np.log10(np.maximum(count[0, ..., 0], 0.5)), cmap="viridis")
    ax.set(title=f"paths from the {name}, log")
    ax.grid(False)
plt.tight_layout()
plt.show()
deaf = {name: int((count[0, ..., 0].max(axis=1) == 0).sum()) for name, count in paths.items()}
print("rows of pixels that nothing reaches:", deaf)

# %% [markdown] lang="en"
# NumPy and TensorFlow reshape row by row: the first half of the numbers fills the upper two rows of places, the second half the lower two. So the label has no
# channel in the upper half of the image, and the latent none in the lower. Only the 3×3 convolutions carry them across, by a few pixels each: far rows have few paths, and
# one row of pixels has none at all. Reshape each to a map of its own, then concatenate the channels, and every place has both.

# %% [markdown] lang="zh-CN"
# NumPy 和 TensorFlow 都是逐行改变形状：前一半数填满上面两行位置，后一半填满下面两行。于是标签在图像的上半部没有通道，隐变量在下半部没有通道。
# 只有 3×3 卷积把它们带过去，每次几个像素：远处的行路径很少，还有一行像素根本没有路径。应当先把两者各自改成特征图，再拼接通道，这样每个位置两者都有。

# %% tags=["check"]
# @title Check: a flat concatenation puts the label into the lower rows only
assert difference < 1e-5
assert flat[0, :2].max() == 0 and flat[0, 2:].min() == 1
assert (apart.mean(axis=-1) == 0.5).all()
assert deaf["label"] >= 1 and deaf["latent"] >= 1

# %% [markdown] lang="en"
# ## Training
#
# The family `cvae` has no code of its own: the loss is the VAE's, and `Autoencoder` hands the labels to both networks. We train it with eight latent numbers, and beside it
# a VAE that is told nothing.

# %% [markdown] lang="zh-CN"
# ## 训练
#
# `cvae` 家族没有自己的代码：损失就是 VAE 的，`Autoencoder` 把标签交给两个网络。我们用八个隐变量训练它，同时训练一个什么都不知道的 VAE 作对照。


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


show_source(CVAE, VAE.loss_terms)
vae, cvae = new("vae", latent_dim=8), new("cvae", latent_dim=8)
train(vae, STEPS)
train(cvae, STEPS)
terms = {}
for model in vae, cvae:
    values = model.loss_terms(model.ema, test_images, test_labels, step=-1, training=False)
    terms[model.family] = {name: float(value) for name, value in values.items()}
    print(model.family, {name: round(value, 2) for name, value in terms[model.family].items()})
drawn = cvae.sample(labels=np.tile(np.arange(K), 4), seed=SEED, prior="normal")
show(drawn, columns=K, labels=names, title="asked for one label a column")

# %% [markdown] lang="en"
# Four images for each label, from $z \sim \mathcal{N}(0, I)$. The CVAE's loss on test images is lower than the VAE's: what the label says, the latent need not.
#
# How much can a label save? For exact models the mean of $\log p(x \mid y) - \log p(x)$ is the mutual information $I(x; y)$, and that is at most the label's own
# entropy, $\log 10 = 2.3$ nats for ten equally frequent ones. What is saved beyond this is the networks' doing: an easier task, learned in the same 400 steps.

# %% [markdown] lang="zh-CN"
# 每个标签四幅图像，$z \sim \mathcal{N}(0, I)$。CVAE 在测试图像上的损失比 VAE 低：标签说了的，隐变量就不必再说。
#
# 一个标签能省多少？对精确的模型，$\log p(x \mid y) - \log p(x)$ 的均值就是互信息 $I(x; y)$，它至多是标签自身的熵，十个标签同样频繁时为
# $\log 10 = 2.3$ nats。超出的部分要归功于网络：任务更容易，同样 400 步学得更好。

# %% tags=["check"]
# @title Check: with the label the bound is better
assert terms["cvae"]["loss"] < terms["vae"]["loss"]

# %% [markdown] lang="en"
# ## One model: encode, decode, sample; one label for each image
#
# `encode(images, labels)` gives latents, `decode(z, labels)` gives images, `sample(labels=…)` draws $z$ itself. All three use the same weights. An
# `inference=True` in the constructor, which decides between encoding and drawing, would need a second model and a copy of the weights, and could not answer
# 'encode this, change that, decode' at all.
#
# Labels are a list, one for each image. A single label that is repeated inside gives $n$ equal ones, and a list of $k$ labels then gives $k \cdot n$ rows for $n$ images:

# %% [markdown] lang="zh-CN"
# ## 一个模型：编码、解码、采样；每幅图像一个标签
#
# `encode(images, labels)` 给出隐变量，`decode(z, labels)` 给出图像，`sample(labels=…)` 自己采样 $z$。三者用的是同一组权重。
# 如果在构造函数里用 `inference=True` 决定是编码还是采样，就需要第二个模型和一份权重的拷贝，而且根本无法完成“编码这个、改动那个、再解码”。
#
# 标签是一个列表，每幅图像一个。在内部重复单个标签，只能得到 $n$ 个相同的标签；若给它 $k$ 个标签的列表，$n$ 幅图像就会得到 $k \cdot n$ 行：

# %%
show_source(Autoencoder.decode)
wanted = [k % K for k in (3, 1, 4, 1, 5)]
n = len(wanted)
print("repeated inside:", len(np.repeat(wanted, n)), "rows for", n, "images")
five = cvae.sample(labels=wanted, seed=SEED, prior="normal")
print("one for each image:", five.shape)
show(five, columns=5, labels=[names[k] for k in wanted])

# %% tags=["check"]
# @title Check: as many images as labels
assert len(five) == len(wanted) and len(np.repeat(wanted, n)) == n * len(wanted)

# %% [markdown] lang="en"
# ## The same latent, ten labels
#
# If $z$ holds the style and $y$ the class, then one $z$ with ten labels is one hand that writes ten digits. Each row below is one $z$.
#
# A judge reads along: a support vector machine trained on the same images. It is right on most test images, so that its reading of samples means something.

# %% [markdown] lang="zh-CN"
# ## 同一个隐变量，十个标签
#
# 如果 $z$ 管风格、$y$ 管类别，那么一个 $z$ 配十个标签，就是同一只手写十个数字。下面每一行是一个 $z$。
#
# 让一个裁判来读：在同样的图像上训练的支持向量机。它对大多数测试图像判断正确，所以它对样本的判读是有意义的。

# %%
judge = SVC(C=10).fit(train_images[:5000].reshape(-1, D), train_labels[:5000])


def reads(images):
    return judge.predict(images.reshape(len(images), -1))


z = rng.standard_normal((300, 8)).astype(np.float32)
pages = np.stack([cvae.decode(z, np.full(len(z), k)) for k in range(K)], axis=1)  # [300, K, H, W, C]
show(list(pages[:6]), rows=[f"z {i}" for i in range(6)], labels=names)
right = {
    "test images": float((reads(test_images) == test_labels).mean()),
    "asked of the CVAE": float((reads(pages.reshape(-1, *data.image_shape)) == np.tile(np.arange(K), len(z))).mean()),
}
print("read as labelled:", {name: f"{share:.1%}" for name, share in right.items()})
ink = pages.mean(axis=(2, 3, 4))  # how light an image is, [300, K]
shared = np.corrcoef(ink, rowvar=False)[~np.eye(K, dtype=bool)].mean()
strangers = np.corrcoef(rng.permuted(ink, axis=0), rowvar=False)[~np.eye(K, dtype=bool)].mean()
print(f"ink of two digits by one hand: correlation {shared:.2f}; by different hands {strangers:.2f}")

# %% [markdown] lang="en"
# Down a column the label stays and the hand changes: bold or thin, upright or slanted. Along a row the digits change. A $z$ that writes one digit with much ink tends to write the others so, too.

# %% [markdown] lang="zh-CN"
# 沿着一列，标签不变，笔迹在变：粗或细，正或斜。沿着一行，数字在变。一个 $z$ 若把某个数字写得墨浓，写其他数字也往往如此。

# %% tags=["check"]
# @title Check: the judge reads the label that was asked, and one latent shares its style
assert right["test images"] > 0.8 and right["asked of the CVAE"] > 0.6
assert shared > strangers + 0.2
if DATA == "digits":
    assert right["test images"] > 0.95 and right["asked of the CVAE"] > 0.8

# %% [markdown] lang="en"
# ## Does the latent forget the class?
#
# **Predict, then run.** A linear classifier is trained to read the label from the latents of training images. How well does it read those of the VAE, how well those of the CVAE?

# %% [markdown] lang="zh-CN"
# ## 隐变量忘记类别了吗？
#
# **先预测，再运行。** 训练一个线性分类器，从训练图像的隐变量读出标签。它读 VAE 的隐变量有多准？读 CVAE 的呢？

# %%
latents = {
    "vae": (vae.encode(train_images), vae.encode(test_images)),
    "cvae": (cvae.encode(train_images, train_labels), cvae.encode(test_images, test_labels)),
}
told = {}
for name, (known, asked) in latents.items():
    told[name] = LogisticRegression(max_iter=1000).fit(known, train_labels).score(asked, test_labels)
chance = np.bincount(test_labels).max() / len(test_labels)
print(
    f"label read from latents: {told['vae']:.0%} of the VAE's, {told['cvae']:.0%} of the CVAE's; always the most frequent: {chance:.0%}"
)
fig, axes = plt.subplots(1, 2, figsize=(7, 3))
for ax, (name, (known, _)) in zip(axes, latents.items(), strict=True):
    centred = known - known.mean(axis=0)
    two = centred @ np.linalg.svd(centred, full_matrices=False)[2][:2].T  # their two directions of most variance
    ax.scatter(*two.T, c=train_labels, cmap="tab10", s=3)
    ax.set(title=f"{name}: latents, two main directions")
plt.tight_layout()
plt.show()

# %% [markdown] lang="en"
# The VAE's latents gather by colour. Those of the CVAE are mixed: the label was for free, so that the KL squeezed it out of $z$. It does not go
# entirely: it is only worth nothing, not forbidden.

# %% [markdown] lang="zh-CN"
# VAE 的隐变量按颜色聚集。CVAE 的则混在一起：标签是免费得到的，所以 KL 把它从 $z$ 里挤了出去。它并没有完全消失：
# 在 $z$ 里重复标签只是没有好处，并不被禁止。

# %% tags=["check"]
# @title Check: the label is read far better from the VAE's latents
assert told["cvae"] < told["vae"] - 0.2

# %% [markdown] lang="en"
# ## A classifier that was never trained as one
#
# By Bayes' rule the model knows which label an image has:
#
# $$p(y \mid x) = \frac{p(y)\, p_\theta(x \mid y)}{\sum_{y'} p(y')\, p_\theta(x \mid y')} .$$
#
# For each label in turn we take the importance-weighted bound of the second notebook for $\log p_\theta(x \mid y)$, with 16 draws. (Bounds are not the densities themselves, so this is an
# approximation. It is good where the gaps are alike.)

# %% [markdown] lang="zh-CN"
# ## 从未当作分类器训练的分类器
#
# 由贝叶斯公式，模型知道一幅图像的标签：
#
# $$p(y \mid x) = \frac{p(y)\, p_\theta(x \mid y)}{\sum_{y'} p(y')\, p_\theta(x \mid y')} .$$
#
# 对每个标签，用第二篇的重要性加权下界（16 次采样）代替 $\log p_\theta(x \mid y)$。（下界不等于密度本身，所以这是近似。各差距相近时，近似就好。）

# %%
asked, answers = tf.constant(test_images[:200]), test_labels[:200]
noise = tf.constant(rng.standard_normal((16, len(asked), 8)), tf.float32)


def bound_of(k):
    """An upper bound on -log p(x|y = k) of each image, in nats, up to a constant."""
    labels = tf.fill([len(asked)], k)
    log_w = log_weights(
        lambda x: tf.split(cvae.ema.encoder(x, labels), 2, axis=-1),
        lambda z: cvae.ema.decoder(z, labels),
        lambda x, mean: -tf.reduce_sum((x - mean) ** 2, axis=[1, 2, 3]),
        asked,
        noise,
    )
    return elbo_and_importance(np.asarray(log_w, np.float64))[1]


log_joint = -np.stack([bound_of(k) for k in range(K)], axis=1) + np.log(np.bincount(train_labels) / len(train_labels))
p_label = np.exp(log_joint - np.logaddexp.reduce(log_joint, axis=1, keepdims=True))  # p(y|x), [200, K]
by_bayes = float((p_label.argmax(axis=1) == answers).mean())
print(f"right: {by_bayes:.1%} of {len(answers)} test images")
doubtful = np.argsort(p_label.max(axis=1))[:6]
fig, axes = plt.subplots(2, 6, figsize=(8, 2.8), height_ratios=(2, 1))
for (top, bottom), i in zip(axes.T, doubtful, strict=True):
    top.imshow((test_images[i].squeeze() + 1) / 2, cmap="gray")
    top.set_title(f"label {names[answers[i]]}", fontsize=9)
    top.axis("off")
    bottom.bar(range(K), p_label[i])
    bottom.set(ylim=(0, 1), xticks=range(K), yticks=[])
    bottom.tick_params(labelsize=6)
plt.tight_layout()
plt.show()

# %% [markdown] lang="en"
# The six images it is least sure of, and what it thinks of each. Some of them would make a human hesitate, too.

# %% [markdown] lang="zh-CN"
# 这是它最没有把握的六幅图像，以及它对每一幅的看法。其中有几幅人看了也会犹豫。

# %% tags=["check"]
# @title Check: Bayes' rule makes a classifier of it
assert by_bayes > 0.6
if DATA == "digits":
    assert by_bayes > 0.9

# %% [markdown] lang="en"
# ## Walks within a label and across labels
#
# Between two images of one label the latents are joined by a straight line, the label stays. Across labels there is nothing between 3 and 8 to
# stand at: a label is a switch. But the same line can be walked under every label.

# %% [markdown] lang="zh-CN"
# ## 同一标签内与不同标签间的漫步
#
# 同一标签的两幅图像之间，隐变量用直线相连，标签不变。不同标签之间，比如 3 与 8 之间，没有可以停留的地方：标签是一个开关。
# 不过同一条直线可以在每个标签下各走一遍。

# %%
labels = np.arange(K)
rows = [
    cvae.interpolate(train_images[firsts[k, :1]], train_images[firsts[k, 1:2]], 9, labels=[k])[:, 0] for k in labels[:5]
]
show(rows, rows=list(names[:5]), title="from one image to another of the same label")
z_a, z_b = z[0], z[1]
line = np.stack([(1 - u) * z_a + u * z_b for u in np.linspace(0, 1, 9)])
walks = np.stack([cvae.decode(line, np.full(9, k)) for k in labels])  # [K, 9, H, W, C]
show(list(walks), rows=list(names), title="one line of latents under every label")
kept = float((reads(walks.reshape(-1, *data.image_shape)) == np.repeat(labels, 9)).mean())
print(f"read as the label of its row: {kept:.0%}")


def at(coordinate):
    """What a single latent number does: from -2 to 2, the others 0, under every other label."""
    path = np.zeros((9, 8), np.float32)
    path[:, coordinate] = np.linspace(-2, 2, 9)
    show([cvae.decode(path, np.full(9, k)) for k in labels[::3]], rows=[names[k] for k in labels[::3]], scale=2)


slider(at, "coordinate", list(range(8)), start=0)

# %% [markdown] lang="en"
# Each row keeps its digit while the hand changes along it, and the hand changes in the same way in all rows. A single coordinate
# moves less than a whole line, and some hardly move at all: a latent number that carries few nats has little to say.

# %% [markdown] lang="zh-CN"
# 每一行的数字保持不变，笔迹沿行变化，而且各行的变化方式相同。单个坐标的影响比整条直线小，
# 有的几乎不起作用：一个隐变量携带的 nats 少，能说的也就少。

# %% tags=["check"]
# @title Check: along a line of latents the label stays readable
assert kept > 0.6 and (DATA != "digits" or kept > 0.75)

# %% [markdown] lang="en"
# ## A prior for each label
#
# The clouds of one label need not fill $\mathcal{N}(0, I)$ either. The package fits a mixture to those of each label, and draws from it by default.

# %% [markdown] lang="zh-CN"
# ## 每个标签一个先验
#
# 同一标签的云团也未必填满 $\mathcal{N}(0, I)$。软件包对每个标签的云团各拟合一个混合高斯，默认从中采样。

# %%
print(cvae.prepare_sampling(train_images, train_labels))
wanted = np.tile(np.arange(K), 30)
for prior in "normal", "mixture":
    images = cvae.sample(labels=wanted, seed=SEED, prior=prior)
    right[prior] = float((reads(images) == wanted).mean())
    show(images[: 2 * K], columns=K, title=f"prior: {prior}, read as asked: {right[prior]:.1%}")

# %% [markdown] lang="en"
# Here the judge reads nearly all of both as asked: once the label is given, even $\mathcal{N}(0, I)$ leaves few holes.

# %% [markdown] lang="zh-CN"
# 这里裁判把两者几乎都读成了所要的标签：给定标签之后，就连 $\mathcal{N}(0, I)$ 也没留下多少空洞。

# %% tags=["check"]
# @title Check: both priors give the label that was asked
assert min(right["normal"], right["mixture"]) > (0.8 if DATA == "digits" else 0.5)

# %% [markdown] lang="en"
# ## What five minutes of MNIST give
#
# The package's CVAE has 32 latent numbers. Each row is one $z$ of its mixture for the label 0, decoded under all ten labels; below, samples.

# %% [markdown] lang="zh-CN"
# ## 在 MNIST 上训练五分钟的结果
#
# 软件包自带的 CVAE 有 32 个隐变量。每一行是从标签 0 的混合高斯中取的一个 $z$，在全部十个标签下解码；下图是样本。

# %% tags=["cover"]
trained = genzoo.load("zoo:cvae-mnist")
zeros = trained.sample(labels=[0] * 4, seed=SEED)
styles = trained.encode(zeros, [0] * 4)
show([trained.decode(np.repeat(style[None], 10, axis=0), np.arange(10)) for style in styles], scale=2, labels=range(10))
show(
    trained.sample(labels=np.tile(np.arange(10), 4), seed=SEED),
    columns=20,
    scale=1,
    title="zoo:cvae-mnist, its mixtures",
)

# %% [markdown] lang="en"
# The slant and the weight of a zero carry over to the digits beside it.

# %% [markdown] lang="zh-CN"
# 一个零的倾斜程度和笔画粗细，会带到它旁边的数字上。

# %% [markdown] lang="en"
# ## Exercises
#
# 1. Take five test images, encode each with its own label, and decode the latent with all labels. In how many cases does the judge read the label you asked for?
# 2. What does a CVAE learn at $\beta = D$, where the posterior collapses (second notebook)? Say what its samples must look like before you train it.

# %% [markdown] lang="zh-CN"
# ## 练习
#
# 1. 取五幅测试图像，各用自己的标签编码，再把隐变量在所有标签下解码。有多少次裁判读出的正是你要的标签？
# 2. 在 $\beta = D$、后验坍缩时（见第二篇），CVAE 会学到什么？训练之前先说出它的样本必然是什么样子。

# %% tags=["solution"]
# @title Solution: the handwriting of given images
own = cvae.encode(test_images[:5], test_labels[:5])
copied = np.stack([cvae.decode(own, np.full(5, k)) for k in labels], axis=1)  # [5, K, H, W, C]
show([np.concatenate([test_images[i : i + 1], copied[i]]) for i in range(5)], labels=["image", *names])
read = (reads(copied.reshape(-1, *data.image_shape)) == np.tile(labels, 5)).mean()
print(f"read as asked: {read:.0%}")
assert read > 0.5

# %% tags=["solution"]
# @title Solution: without a latent, the mean image of each label
# If z carries nothing, the best that squared error allows is the mean of all images with that label.
blind = new("cvae", latent_dim=8, beta=float(D))
train(blind, STEPS // 2)
ones = blind.sample(labels=labels, seed=SEED, prior="normal")
others = blind.sample(labels=labels, seed=SEED + 1, prior="normal")
class_means = np.stack([train_images[train_labels == k].mean(axis=0) for k in labels])
show([ones, others, class_means], rows=["seed 0", "seed 1", "mean image"], labels=names)
print(f"two seeds differ by {np.square(ones - others).sum(axis=(1, 2, 3)).mean():.2f} (squared, an image),", end=" ")
print(f"samples from mean images by {np.square(ones - class_means).sum(axis=(1, 2, 3)).mean():.2f}")
assert np.square(ones - others).mean() < 0.1 * np.square(class_means - class_means.mean(axis=0)).mean()

# %% [markdown] lang="en"
# ## References
#
# - K. Sohn, H. Lee, X. Yan, *Learning structured output representation using deep conditional generative models*, NeurIPS 2015.
# - D. P. Kingma, D. J. Rezende, S. Mohamed, M. Welling, *Semi-supervised learning with deep generative models*, NeurIPS 2014, [arXiv:1406.5298](https://arxiv.org/abs/1406.5298).
# - D. P. Kingma, M. Welling, *Auto-encoding variational Bayes*, ICLR 2014, [arXiv:1312.6114](https://arxiv.org/abs/1312.6114).
# - Y. Burda, R. Grosse, R. Salakhutdinov, *Importance weighted autoencoders*, ICLR 2016, [arXiv:1509.00519](https://arxiv.org/abs/1509.00519).
#
# Next: [denoising](04_denoising.ipynb), a way to images without an encoder.

# %% [markdown] lang="zh-CN"
# ## 参考文献
#
# - K. Sohn, H. Lee, X. Yan, *Learning structured output representation using deep conditional generative models*, NeurIPS 2015。
# - D. P. Kingma, D. J. Rezende, S. Mohamed, M. Welling, *Semi-supervised learning with deep generative models*, NeurIPS 2014, [arXiv:1406.5298](https://arxiv.org/abs/1406.5298)。
# - D. P. Kingma, M. Welling, *Auto-encoding variational Bayes*, ICLR 2014, [arXiv:1312.6114](https://arxiv.org/abs/1312.6114)。
# - Y. Burda, R. Grosse, R. Salakhutdinov, *Importance weighted autoencoders*, ICLR 2016, [arXiv:1509.00519](https://arxiv.org/abs/1509.00519)。
#
# 下一篇：[去噪](04_denoising.ipynb)，一条不用编码器的生成图像之路。
