# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown] lang="en"
# # 1. The autoencoder
#
# At the end you will have squeezed images through eight numbers and back, and you will have seen why this alone does not
# make new images, and what must be added so that it does.
#
# **The question.** A picture of 16×16 pixels is a list of 256 numbers. Almost none of these lists is a picture of a
# digit. How many numbers does it take to say *which* digit picture is meant? And if it is few: can we choose these few
# numbers freely, and get a new digit?

# %% [markdown] lang="zh-CN"
# # 1. 自编码器
#
# 读完本篇，你会把图像压缩成八个数再还原回来，并且亲眼看到：为什么仅凭这一点还造不出新图像，以及需要补上什么才能造出来。
#
# **问题。** 一幅 16×16 像素的图像就是 256 个数。这样的数列几乎没有一个是数字图像。要说清楚指的是 *哪一幅* 数字图像，究竟需要多少个数？
# 如果只需要很少几个：我们能不能随意挑选这几个数，从而得到一个新的数字？

# %%
DATA = "digits"  # or "mnist", "fashion_mnist", "folder:PATH": any name that `genzoo train --data` takes
SIZE = 16  # pixels a side; None: the set's own
STEPS = 400  # of each training here; more: better pictures
SEED = 0

# %%
import math

import matplotlib.pyplot as plt
import numpy as np

import genzoo
from genzoo.data.pixels import to_float, to_uint8
from genzoo.errors import UsageError
from genzoo.evaluation.metrics.neighbours import nearest_training
from genzoo.models import mixture
from genzoo.models.ae import AE
from genzoo.models.autoencoder import Autoencoder, squared_error
from genzoo.models.base import GenerativeModel
from genzoo.networks.blocks import Down, Residual, Up
from genzoo.networks.encoder_decoder import Decoder, Encoder
from genzoo.pictures.show import show, show_source, slider
from genzoo.stack import keras, tf

plt.rcParams.update({"figure.dpi": 80, "figure.figsize": (6, 3), "axes.grid": True, "grid.alpha": 0.3})
data = genzoo.load_data(DATA, image_size=SIZE)
train_images, test_images = to_float(data.train_images), to_float(data.test_images[:500])  # [N, H, W, C] in [-1, 1]
train_labels, test_labels = data.train_labels, data.test_labels[:500]
D = math.prod(data.image_shape)  # numbers in an image
rng = np.random.default_rng(SEED)
show(train_images[:20], columns=10, title=f"{data.name}: {len(train_images):,} training images of {D} numbers each")

# %% [markdown] lang="en"
# ## The idea
#
# An **encoder** $f$ turns an image $x$ of $D$ numbers into a **latent** $z = f(x)$ of $d$ numbers. A **decoder** $g$ turns
# the latent back into an image $\hat x = g(z)$. Both are networks, and they are trained together to copy:
#
# $$L(f, g) = \mathbb{E}_x\, \lVert x - g(f(x)) \rVert^2 .$$
#
# To copy would be no art, were it not for the narrow place in the middle: $d$ is much smaller than $D$. What goes through
# has to be what matters.
#
# **Predict, then run.** What would be learned with $d = D$, a latent as large as the image?

# %% [markdown] lang="zh-CN"
# ## 想法
#
# **编码器** $f$ 把一幅由 $D$ 个数组成的图像 $x$ 变成由 $d$ 个数组成的 **隐变量** $z = f(x)$。**解码器** $g$ 再把隐变量变回图像
# $\hat x = g(z)$。两者都是网络，一起训练，任务是复制：
#
# $$L(f, g) = \mathbb{E}_x\, \lVert x - g(f(x)) \rVert^2 .$$
#
# 若不是中间有一段狭窄的通道，复制本算不上什么本事：$d$ 远小于 $D$。能通过的只能是重要的东西。
#
# **先预测，再运行。** 如果 $d = D$，也就是隐变量与图像一样大，会学到什么？


# %%
def encode_all(x):
    """8×8 blocks of pixels become channels: a 32×32 image gives 4×4×64, as three halvings and 64 channels do."""
    return tf.nn.space_to_depth(x, 8)


def decode_all(z):
    return tf.nn.depth_to_space(z, 8)


noise = rng.uniform(-1, 1, test_images[:10].shape).astype(np.float32)
for name, images in ("digits", test_images[:10]), ("noise", noise):
    z = encode_all(images)
    print(f"{name}: latent {tuple(z.shape[1:])}, {math.prod(z.shape[1:])} numbers of {D};", end=" ")
    print(f"error {float(squared_error(images, decode_all(z))):.1f}")
try:
    genzoo.build("ae", image_shape=data.image_shape, num_classes=data.num_classes, latent_dim=D)
except UsageError as error:
    print("genzoo:", error)

# %% [markdown] lang="en"
# The error is zero before any training, for digits and for noise alike. This 'autoencoder' moves pixels about and knows
# nothing of digits. A latent of $4 \times 4 \times 64 = 1024$ numbers for an image of $32 \times 32 = 1024$ is
# such a case, although the word 'encoder' stands above it. The package refuses it.

# %% [markdown] lang="zh-CN"
# 还没有训练，误差就已经是零，对数字如此，对噪声也如此。这个“自编码器”只是把像素挪了挪位置，对数字一无所知。
# 用 $4 \times 4 \times 64 = 1024$ 个数的隐变量表示 $32 \times 32 = 1024$ 个数的图像，正是这种情形，尽管它也叫“编码器”。本软件包会拒绝这样的设置。

# %% tags=["check"]
# @title Check: a latent as large as the image needs no learning, and is refused
assert np.array_equal(decode_all(encode_all(noise)), noise)
try:
    genzoo.build("ae", image_shape=data.image_shape, num_classes=data.num_classes, latent_dim=D)
except UsageError:
    pass
else:
    raise AssertionError("a latent without a bottleneck was accepted")

# %% [markdown] lang="en"
# ## A yardstick: the best linear autoencoder
#
# Before networks, let $f$ and $g$ be linear (with a shift). Their best error can be computed. Let $\mu$ be the mean and
# $C$ the covariance of the images, with eigenvalues $\lambda_1 \ge \lambda_2 \ge \dots \ge \lambda_D$ and eigenvectors
# $e_i$. All that a linear decoder can make lies in $\mu$ plus a space of $d$ dimensions. Let the columns of $V$ be an
# orthonormal basis of it, $V^\top V = I$. The point of that space nearest to $x$ is the projection
# $\hat x = \mu + V V^\top (x - \mu)$, so no encoder does better than $z = V^\top (x - \mu)$, and
#
# $$\mathbb{E}\lVert x - \hat x\rVert^2 = \operatorname{tr} C - \operatorname{tr}(V^\top C V)
# = \sum_i \lambda_i - \sum_i c_i \lambda_i, \qquad c_i = \lVert V^\top e_i \rVert^2 .$$
#
# The $c_i$ lie between 0 and 1 and their sum is $d$, because $\sum_i \lVert V^\top e_i \rVert^2 = \operatorname{tr}(V V^\top) = d$.
# The second sum is largest with $c_i = 1$ for the $d$ largest eigenvalues and 0 for the others. So $V = (e_1, \dots, e_d)$, and
#
# $$\min L = \sum_{i > d} \lambda_i .$$
#
# This is principal component analysis, PCA: a linear autoencoder can learn it and nothing better
# (Bourlard & Kamp 1988; Baldi & Hornik 1989). (The shift $\mu$ is best too: any other adds its squared distance.)

# %% [markdown] lang="zh-CN"
# ## 一把尺子：最好的线性自编码器
#
# 在用网络之前，先让 $f$ 和 $g$ 是线性的（外加平移）。它们所能达到的最小误差可以算出来。设 $\mu$ 是图像的均值，
# $C$ 是协方差，特征值为 $\lambda_1 \ge \lambda_2 \ge \dots \ge \lambda_D$，特征向量为
# $e_i$。线性解码器能造出的一切，都在 $\mu$ 加上一个 $d$ 维空间里。设 $V$ 的各列是这个空间的标准正交基，
# $V^\top V = I$。空间中离 $x$ 最近的点是投影
# $\hat x = \mu + V V^\top (x - \mu)$，所以没有哪个编码器能胜过 $z = V^\top (x - \mu)$，并且
#
# $$\mathbb{E}\lVert x - \hat x\rVert^2 = \operatorname{tr} C - \operatorname{tr}(V^\top C V)
# = \sum_i \lambda_i - \sum_i c_i \lambda_i, \qquad c_i = \lVert V^\top e_i \rVert^2 .$$
#
# 各 $c_i$ 在 0 与 1 之间，总和为 $d$，因为 $\sum_i \lVert V^\top e_i \rVert^2 = \operatorname{tr}(V V^\top) = d$。
# 要让第二个和最大，就对最大的 $d$ 个特征值取 $c_i = 1$，其余取 0。于是 $V = (e_1, \dots, e_d)$，且
#
# $$\min L = \sum_{i > d} \lambda_i .$$
#
# 这就是主成分分析（PCA）：线性自编码器能学到它，也不会学到比它更好的东西
# （Bourlard & Kamp 1988;Baldi & Hornik 1989）。（平移取 $\mu$ 也是最好的：取别的值，误差会多出它与 $\mu$ 的距离平方。）

# %%
flat = train_images.reshape(len(train_images), -1).astype(np.float64)
mean = flat.mean(axis=0)
values, vectors = np.linalg.eigh(np.cov(flat, rowvar=False, bias=True))
lambdas, basis = values[::-1], vectors[:, ::-1]  # the largest first


def pca(images, d):
    """Returns the images as the best linear autoencoder of d numbers gives them back."""
    z = (images.reshape(len(images), -1) - mean) @ basis[:, :d]  # [n, d]
    return (mean + z @ basis[:, :d].T).reshape(images.shape).astype(np.float32)


def error(images, copies):
    """The squared error summed over an image, mean over images, as `squared_error`."""
    return float(squared_error(images, copies))


sizes = np.arange(0, min(D, 100))
tail = np.array([lambdas[d:].sum() for d in sizes])
plt.plot(sizes, tail, label="sum of the other eigenvalues")
some = [0, 2, 8, 32]
plt.plot(some, [error(train_images, pca(train_images, d)) for d in some], "o", label="measured, training images")
plt.xlabel("numbers in the latent, d")
plt.ylabel("squared error of an image")
plt.title("The best linear autoencoder")
plt.legend()
plt.show()
show([test_images[:10]] + [pca(test_images[:10], d) for d in some], rows=["image", *(f"d = {d}" for d in some)])

# %% [markdown] lang="en"
# The measured points lie on the line that the eigenvalues give. With $d = 0$ every image comes back as the mean image, and
# the error is the whole variance. With 2 numbers the digits are smears, with 8 you begin to read them.
# (On the bundled digits the line reaches almost zero at 64: they were pictures of 8×8 before they were enlarged.)

# %% [markdown] lang="zh-CN"
# 测得的点都落在由特征值给出的曲线上。$d = 0$ 时，每幅图像还原出来都是平均图像，误差就是全部方差。
# 用 2 个数，数字只是一团模糊；用 8 个数，就开始认得出来了。
# （在自带的数字集上，曲线在 64 处几乎降到零：这些图像放大之前本来就是 8×8 的。）

# %% tags=["check"]
# @title Check: the error of PCA is the sum of the eigenvalues left out
for d in some:
    assert math.isclose(error(train_images, pca(train_images, d)), lambdas[d:].sum(), rel_tol=1e-3)

# %% [markdown] lang="en"
# ## The same with curves: a convolutional autoencoder
#
# Digits do not fill a flat space: move a stroke by two pixels, and no sum of a few fixed pictures can follow it. So $f$ and
# $g$ become networks. This is the package's encoder. Each `Down` halves height and width, each `Residual` computes, and a
# dense layer gives the $d$ numbers.

# %% [markdown] lang="zh-CN"
# ## 换成弯曲的：卷积自编码器
#
# 数字并不充满一个平直的空间：把一笔挪动两个像素，几幅固定图片的加权和就跟不上了。所以 $f$ 和
# $g$ 要换成网络。下面是软件包里的编码器。每个 `Down` 把高和宽减半，每个 `Residual` 负责计算，最后一个全连接层给出
# $d$ 个数。

# %%
show_source(Encoder, Down, Residual)

# %% [markdown] lang="en"
# The decoder is its mirror: a dense layer gives a small map with many channels, `Up` doubles height and width.

# %% [markdown] lang="zh-CN"
# 解码器是它的镜像：全连接层给出一张很小但通道很多的特征图，`Up` 再把高和宽加倍。

# %%
show_source(Decoder, Up)

# %% [markdown] lang="en"
# ## A trap: the last convolution
#
# A convolution with a kernel of $k$ and $p$ extra pixels in all turns a side of $n$ pixels into
#
# $$n' = n + p - k + 1 .$$
#
# `padding="same"` chooses $p = k - 1$, and the side stays. Keras' default is `padding="valid"`, that is $p = 0$, and a kernel of
# 3 costs two pixels. A decoder that ends in `Conv2D(1, 3, strides=1)` has just done three doublings, $4 \to 8 \to 16 \to 32$.
#
# **Predict, then run.** What is the side of its output, and what does the loss say to it?

# %% [markdown] lang="zh-CN"
# ## 一个陷阱：最后一个卷积
#
# 卷积核大小为 $k$、两边一共补 $p$ 个像素的卷积，把边长 $n$ 变成
#
# $$n' = n + p - k + 1 .$$
#
# `padding="same"` 取 $p = k - 1$，边长不变。Keras 的默认值是 `padding="valid"`，即 $p = 0$，核大小为
# 3 时就少掉两个像素。假设一个解码器在三次加倍 $4 \to 8 \to 16 \to 32$ 之后，以 `Conv2D(1, 3, strides=1)` 结尾。
#
# **先预测，再运行。** 它输出的边长是多少？损失函数对此会说什么？

# %%
features, original = tf.zeros([1, 32, 32, 64]), tf.zeros([1, 32, 32, 1])
ends = {}
for padding in "valid", "same":
    copy = keras.layers.Conv2D(1, 3, strides=1, padding=padding)(features)
    try:
        ends[padding] = copy.shape[1], f"loss {error(original, copy):.0f}"
    except tf.errors.InvalidArgumentError as problem:
        ends[padding] = copy.shape[1], f"{type(problem).__name__}: {problem.message.split('}} ')[-1].split(' [Op')[0]}"
    print(f"{padding}: 32 → {ends[padding][0]}, {ends[padding][1]}")

# %% [markdown] lang="en"
# With `valid` the copy has 30×30 pixels and the original 32×32, and the training stops at its first step. The package's
# decoder ends in a 1×1 convolution to 4 channels that become 2×2 pixels, so that no layer works at full resolution at all.

# %% [markdown] lang="zh-CN"
# 用 `valid` 时，复制品是 30×30 像素，原图是 32×32，训练在第一步就停了。软件包的解码器以 1×1 卷积结尾，
# 输出的 4 个通道再排成 2×2 个像素，因此没有任何一层工作在全分辨率上。

# %% tags=["check"]
# @title Check: 'valid' gives 30 pixels and no loss, 'same' gives 32
assert ends["valid"][0] == 30 and "InvalidArgumentError" in ends["valid"][1]
assert ends["same"] == (32, "loss 0")

# %% [markdown] lang="en"
# ## Training
#
# The loss of the family `ae` is one line. All families share `train_step`: gradients of that loss, a limit to their norm, a step
# of the optimizer, and a moving average of the weights, `ema`, which is what encodes and decodes later.

# %% [markdown] lang="zh-CN"
# ## 训练
#
# `ae` 家族的损失只有一行。所有家族共用 `train_step`：求这个损失的梯度，限制梯度的范数，优化器走一步，
# 再更新权重的滑动平均 `ema`，以后编码和解码用的就是它。

# %%
show_source(squared_error, AE, GenerativeModel.train_step)

# %% [markdown] lang="en"
# We train an autoencoder with $d = 8$, and stop twice on the way to look.

# %% [markdown] lang="zh-CN"
# 我们训练一个 $d = 8$ 的自编码器，途中停下来看两次。


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
    """Trains on so many batches; returns the loss of each ten of them."""
    return model.fit(batches, epochs=max(1, steps // 10), steps_per_epoch=10, shuffle=False, verbose=0).history["loss"]


model = new("ae", latent_dim=8)
stages, losses = {"before": model.reconstruct(test_images[:10])}, []
for steps in 10, 40, STEPS - 50:
    losses += train(model, steps)
    stages[f"step {10 * len(losses)}"] = model.reconstruct(test_images[:10])
show([test_images[:10], *stages.values()], rows=["image", *stages])
plt.plot(10 * np.arange(1, len(losses) + 1), losses)
plt.axhline(lambdas[8:].sum(), color="tab:orange", linestyle="--", label="best linear autoencoder, d = 8")
plt.xlabel("step")
plt.ylabel("squared error of an image")
plt.yscale("log")
plt.legend()
plt.show()

# %% [markdown] lang="en"
# First the decoder learns what all images share, a grey blob in the middle. Then the blobs take the shape of digits. Before a hundred steps are over the
# network has passed what any linear autoencoder of eight numbers can do. The test images were never trained on:

# %% [markdown] lang="zh-CN"
# 解码器首先学到所有图像的共同点：中间一团灰。随后灰团渐渐变成数字的形状。不到一百步，
# 网络就超过了任何只有八个数的线性自编码器所能做到的。测试图像从未参加训练：

# %%
show(
    [test_images[:10], pca(test_images[:10], 8), model.reconstruct(test_images[:10])],
    rows=["test image", "PCA, 8 numbers", "network, 8 numbers"],
)
copies = {"PCA": pca(test_images, 8), "network": model.reconstruct(test_images)}
for name, images in copies.items():
    print(f"{name}: squared error of a test image {error(test_images, images):.1f}, of {lambdas.sum():.1f} in all")
upside = test_images[:, ::-1]
shaken = rng.permuted(test_images.reshape(len(test_images), -1), axis=1).reshape(test_images.shape)
strange = {"digits": test_images, "upside down": upside, "pixels shuffled": shaken}
errors = {name: error(images, model.reconstruct(images)) for name, images in strange.items()}
show(
    [np.concatenate([images[:4], model.reconstruct(images[:4])]) for images in strange.values()],
    rows=list(strange),
    labels=[*["image"] * 4, *["copy"] * 4],
)
print({name: round(value, 1) for name, value in errors.items()})

# %% [markdown] lang="en"
# Eight numbers are enough to copy a digit, and they are *not* enough to copy anything else: shuffled pixels come back as a
# digit-like blur. That is what a bottleneck is for. The network has learned where digits lie among all images. Compare
# the 'autoencoder' at the top, which copied noise without an error.

# %% [markdown] lang="zh-CN"
# 八个数足以复制一个数字，却 *不足以* 复制别的东西：打乱像素的图像还原出来是一团像数字的模糊。
# 瓶颈的用处正在于此：网络学会了数字在所有图像中处于什么位置。对比开头那个“自编码器”，它连噪声都能毫无误差地复制。

# %% tags=["check"]
# @title Check: the network beats PCA at eight numbers, and copies digits better than what is none
assert error(test_images, copies["network"]) < 0.8 * error(test_images, copies["PCA"])
assert errors["pixels shuffled"] > 3 * errors["digits"]
if DATA == "digits":
    assert errors["upside down"] > 1.5 * errors["digits"]

# %% [markdown] lang="en"
# ## How wide should the bottleneck be?
#
# **Predict, then run.** We train two more, with 2 and 32 numbers. Which one copies best? Which one would you choose?

# %% [markdown] lang="zh-CN"
# ## 瓶颈该有多宽？
#
# **先预测，再运行。** 再训练两个，分别用 2 个数和 32 个数。哪一个复制得最好？你会选哪一个？

# %%
models = {2: new("ae", latent_dim=2), 8: model, 32: new("ae", latent_dim=32)}
for d in 2, 32:
    train(models[d], STEPS)
by_size = {d: error(test_images, m.reconstruct(test_images)) for d, m in models.items()}
plt.plot(sizes[1:65], [error(test_images, pca(test_images, d)) for d in sizes[1:65]], label="PCA")
plt.plot(list(by_size), list(by_size.values()), "o-", label="network")
plt.xlabel("numbers in the latent, d")
plt.ylabel("squared error of a test image")
plt.xscale("log", base=2)
plt.legend()
plt.show()
show(
    [test_images[:10], *(m.reconstruct(test_images[:10]) for m in models.values())],
    rows=["test image", *(f"d = {d}" for d in models)],
)

# %% [markdown] lang="en"
# The error falls with $d$, as it must: a wider bottleneck can do all that a narrower one can. So the error alone would always
# choose the widest, and at the end the identity of the first cell. The network's advantage over PCA is greatest where the
# bottleneck is narrow. Where it is wide, a linear map already does well, and needs no training.

# %% [markdown] lang="zh-CN"
# 误差随 $d$ 下降，这是必然的：宽瓶颈能做窄瓶颈能做的一切。所以如果只看误差，总会选最宽的，最后就回到第一个格子里的恒等映射。
# 瓶颈窄时，网络相对 PCA 的优势最大；瓶颈宽时，线性映射已经不错，而且无须训练。

# %% tags=["check"]
# @title Check: the error falls with d, and the advantage over PCA is greatest where the bottleneck is narrow
assert by_size[2] > by_size[8] > 0.9 * by_size[32]
assert by_size[2] < error(test_images, pca(test_images, 2)) and by_size[8] < error(test_images, pca(test_images, 8))

# %% [markdown] lang="en"
# ## Is it a generative model? The holes
#
# The decoder makes an image of any $z$. So draw a $z$ at random, decode it, and have a new digit? With $d = 2$ we can look at
# the whole plane: above, where the encoder puts the training images; below, what the decoder makes of each place in the same range.

# %% [markdown] lang="zh-CN"
# ## 它是生成模型吗？空洞
#
# 解码器能把任何 $z$ 变成图像。那么随机取一个 $z$，解码，不就得到新数字了吗？$d = 2$ 时我们可以看到整个平面：
# 上图是编码器把训练图像放到的位置，下图是解码器在同一范围内每个位置上给出的图像。

# %%
z_2 = models[2].encode(train_images)  # [N, 2]
low, high = z_2.min(axis=0), z_2.max(axis=0)
across, down = np.linspace(low[0], high[0], 16), np.linspace(high[1], low[1], 16)
places = np.stack(np.meshgrid(across, down), axis=-1).reshape(-1, 2)  # row by row, from the top
plt.figure(figsize=(5, 3.6))
plt.scatter(*z_2.T, c=train_labels, cmap="tab10", s=4)
plt.colorbar(label="label")
plt.xlabel("z[0]")
plt.ylabel("z[1]")
plt.title("training images in the latent plane")
plt.show()
show(models[2].decode(places), columns=16, scale=2, title="the same range, decoded")
counts = np.histogram2d(*z_2.T, bins=16)[0]
empty = float((counts == 0).mean())
print(f"of 16 × 16 squares of the plane, {empty:.0%} hold no training image")

# %% [markdown] lang="en"
# Digits of one class lie together, in arms and islands, though no label was ever shown. But a good part of the plane is empty. The
# decoder was never trained there, and what it shows is left to chance: often a blend of its neighbours, here and there strokes that belong to no digit.
# Nothing in the loss has a say in it.
#
# With $d = 8$ nobody can look at the whole space, and the emptiness grows. Let us be fair to the autoencoder, and draw each
# of the eight numbers from the values that it really has, but each from another image: `z` has the right range, the right
# mean and the right spread in every coordinate, and only the coordinates do not fit together.

# %% [markdown] lang="zh-CN"
# 同一类的数字聚在一起，成臂状或岛状，尽管从来没有给过标签。但平面上有相当一部分是空的。
# 解码器在那里从未受过训练，给出什么全凭运气：常常是邻近图像的混合，有时是不属于任何数字的笔画。损失函数管不到那里。
#
# $d = 8$ 时谁也无法看到整个空间，而且空的地方更多。我们对自编码器公平一点：八个数中的每一个都取它真实出现过的值，
# 只是各取自不同的图像。这样 `z` 的每个坐标范围对、均值对、散布也对，只是各坐标彼此不配。

# %%
z_8 = model.encode(train_images)  # [N, 8]
loose = rng.permuted(z_8, axis=0)[:300]  # each column shuffled on its own
show(model.decode(loose[:30]), columns=15, title="coordinates of eight different images together")


def distance(images):
    """The median distance to the nearest training image: root mean square over pixels that run from 0 to 1."""
    return float(np.median(nearest_training(to_uint8(images, data.native_shape), data.train_images)[0]))


far = {
    "test images": distance(test_images[:300]),
    "their copies": distance(model.reconstruct(test_images[:300])),
    "loose coordinates": distance(model.decode(loose)),
}
print({name: round(value, 3) for name, value in far.items()})

# %% [markdown] lang="en"
# Some could pass for digits. Others are broken: loose strokes, open loops, two digits in one. In numbers: the copies of real images lie closer to
# the training images than these do.

# %% [markdown] lang="zh-CN"
# 有些可以当作数字。另一些则是破碎的：零散的笔画、没合上的圈、两个数字叠在一起。用数值来说：真实图像的复制品比这些图像更接近训练图像。

# %% tags=["check"]
# @title Check: the plane has holes, and loose coordinates decode to what is farther from real images
assert far["loose coordinates"] > 1.1 * far["their copies"]
if DATA == "digits":
    assert empty > 0.1

# %% [markdown] lang="en"
# ## Filling the holes from outside: a density of latents
#
# The simplest cure comes after the training: find out where latents lie, and draw from there
# (ex-post density estimation, [Ghosh et al. 2020](https://arxiv.org/abs/1903.12436)). The density is a mixture of $K$ Gaussians,
#
# $$q(z) = \sum_{k=1}^{K} \pi_k\, \mathcal{N}(z \mid m_k, \Sigma_k), \qquad \pi_k \ge 0, \quad \sum_k \pi_k = 1,$$
#
# fitted to the latents of the training images by expectation maximisation. To draw from it, choose a $k$ with probability
# $\pi_k$, then set $z = m_k + A_k \varepsilon$ with $\varepsilon \sim \mathcal{N}(0, I)$ and $A_k A_k^\top = \Sigma_k$:
# such a $z$ has the covariance $A_k\, \mathbb{E}[\varepsilon \varepsilon^\top] A_k^\top = \Sigma_k$.

# %% [markdown] lang="zh-CN"
# ## 从外部填补空洞：隐变量的密度
#
# 最简单的补救在训练之后进行：先弄清隐变量分布在哪里，再从那里采样
# （事后密度估计，[Ghosh et al. 2020](https://arxiv.org/abs/1903.12436)）。密度取为 $K$ 个高斯的混合，
#
# $$q(z) = \sum_{k=1}^{K} \pi_k\, \mathcal{N}(z \mid m_k, \Sigma_k), \qquad \pi_k \ge 0, \quad \sum_k \pi_k = 1,$$
#
# 用期望最大化算法拟合训练图像的隐变量。采样时，先以概率
# $\pi_k$ 选出一个 $k$，再令 $z = m_k + A_k \varepsilon$，其中 $\varepsilon \sim \mathcal{N}(0, I)$，$A_k A_k^\top = \Sigma_k$：
# 这样的 $z$ 的协方差是 $A_k\, \mathbb{E}[\varepsilon \varepsilon^\top] A_k^\top = \Sigma_k$。

# %%
show_source(mixture.draw, Autoencoder.generate)
print(model.prepare_sampling(train_images))
show(model.sample(30, seed=SEED), columns=15, title="drawn from the mixture")
far["mixture"] = distance(model.sample(300, seed=SEED))
print({name: round(value, 3) for name, value in far.items()})

# %% [markdown] lang="en"
# Most of these are digits, and their distance to the training images is near that of the copies. So the autoencoder can be made a
# generative model, but by something that knows nothing of images, and that works only while $d$ is small: the fewer
# images there are for each of the $d$-dimensional covariances, the worse. The next notebook lets the encoder itself fill the space.

# %% [markdown] lang="zh-CN"
# 其中大多数是数字，它们到训练图像的距离也接近复制品的距离。可见自编码器可以变成生成模型，
# 只不过靠的是一个对图像一无所知的东西，而且只在 $d$ 较小时管用：每个 $d$ 维协方差分到的图像越少，效果越差。
# 下一篇让编码器自己去填满空间。

# %% tags=["check"]
# @title Check: what the mixture draws lies closer to real images than loose coordinates do
assert far["mixture"] < 0.95 * far["loose coordinates"]

# %% [markdown] lang="en"
# ## A walk between two digits
#
# Latents can be averaged. On the straight line $z_u = (1 - u)\, z_a + u\, z_b$ between the latents of two images, every point can be
# decoded. Beside it stands the same average of pixels.

# %% [markdown] lang="zh-CN"
# ## 在两个数字之间走一走
#
# 隐变量可以取平均。在两幅图像的隐变量之间的直线 $z_u = (1 - u)\, z_a + u\, z_b$ 上，每一点都可以解码。
# 旁边放上同样比例的像素平均，作为对照。

# %%
a, b = test_images[:1], test_images[1:2]
shares = np.linspace(0, 1, 9)
walk = model.interpolate(a, b, len(shares))[:, 0]  # [9, H, W, C]
mixed = np.concatenate([(1 - u) * a + u * b for u in shares])
show([walk, mixed], rows=["latents", "pixels"], labels=[f"{u:.2f}" for u in shares])


def at(u):
    """What stands at the share u of the way, for five pairs of test images."""
    z_a, z_b = model.encode(test_images[:5]), model.encode(test_images[5:10])
    show(
        [model.decode((1 - u) * z_a + u * z_b), (1 - u) * test_images[:5] + u * test_images[5:10]],
        rows=["latents", "pixels"],
    )


slider(at, "u", np.linspace(0, 1, 11).round(1).tolist(), start=0.5)


def grey(images):
    """The share of pixels that are neither dark nor light."""
    return float((np.abs(images) < 0.5).mean())


z_a, z_b = model.encode(test_images[:100]), model.encode(test_images[100:200])
halfway = {
    "latents": grey(model.decode((z_a + z_b) / 2)),
    "pixels": grey((test_images[:100] + test_images[100:200]) / 2),
    "images": grey(test_images[:200]),
}
print("share of grey pixels halfway:", {name: f"{value:.0%}" for name, value in halfway.items()})

# %% [markdown] lang="en"
# The average of pixels is a double exposure: both digits at half strength, with more grey than any image has. On the line
# between latents strokes bend and move instead. Halfway it may be a third digit or none: the line can cross a hole.

# %% [markdown] lang="zh-CN"
# 像素的平均是双重曝光：两个数字各以一半的强度叠在一起，灰色比任何图像都多。沿着隐变量之间的直线，笔画则是弯曲和移动。
# 走到一半时，可能是第三个数字，也可能什么都不是：直线会穿过空洞。

# %% tags=["check"]
# @title Check: halfway between latents there is less grey than halfway between pixels
assert halfway["latents"] < halfway["pixels"]

# %% [markdown] lang="en"
# ## What five minutes of MNIST give
#
# The package brings an autoencoder with 32 latent numbers that was trained on MNIST for five minutes. Above: drawn from its mixture. Below: walks
# from the first five of them to the next five.

# %% [markdown] lang="zh-CN"
# ## 在 MNIST 上训练五分钟的结果
#
# 软件包自带一个在 MNIST 上训练了五分钟的自编码器，隐变量有 32 个数。上图：从它的混合高斯中采样。下图：从前五个样本走到接下来的五个样本。

# %% tags=["cover"]
trained = genzoo.load("zoo:ae-mnist")
drawn = trained.sample(40, seed=SEED)
show(drawn, columns=20, scale=1, title="zoo:ae-mnist, drawn from its mixture")
ways = trained.interpolate(drawn[:5], drawn[5:10], 11)  # [11, 5, H, W, C]
show(list(ways.swapaxes(0, 1)), scale=2, title="from one digit to another")

# %% [markdown] lang="en"
# The strokes are sharper than those of our model above, and most samples can be read; some cannot. A bottleneck four times as wide copies more, and the mixture
# has a harder task. On the walks strokes dissolve and form anew: between the digits there are holes.

# %% [markdown] lang="zh-CN"
# 笔画比上面我们自己训练的模型更清晰，大多数样本能认出来，也有认不出的。瓶颈宽了四倍，复制得更多，混合高斯的任务也就更难。漫步途中，笔画消散又重新形成：数字之间有空洞。

# %% [markdown] lang="en"
# ## Exercises
#
# 1. Did the encoder learn classes without labels? Take the latents of the training images, and give each test image the label of its
#    nearest neighbour among them. How many are right with 2, 8 and 32 numbers, how many with all pixels?
# 2. The error as an alarm: call an image strange if its error is above that of 95 % of the training images. How many of the upside-down digits does
#    this find? How many test images does it call strange by mistake?

# %% [markdown] lang="zh-CN"
# ## 练习
#
# 1. 编码器在没有标签的情况下学到类别了吗？取训练图像的隐变量，给每幅测试图像贴上其中最近邻的标签。
#    用 2、8、32 个数时各有多少是对的？用全部像素呢？
# 2. 用误差当警报：如果一幅图像的误差超过 95 % 的训练图像，就称它为异常。这样能找出多少倒置的数字？又有多少测试图像被误判为异常？

# %% tags=["solution"]
# @title Solution: nearest neighbours in the latent space
from sklearn.neighbors import KNeighborsClassifier

spaces = {f"{d} numbers": (m.encode(train_images), m.encode(test_images)) for d, m in models.items()}
spaces[f"{D} pixels"] = flat, test_images.reshape(len(test_images), -1)
right = {}
for name, (known, asked) in spaces.items():
    right[name] = KNeighborsClassifier(1).fit(known, train_labels).score(asked, test_labels)
    print(f"{name}: {right[name]:.1%} right")
if DATA == "digits":
    assert right["8 numbers"] > 0.85 and right["2 numbers"] > 0.3

# %% tags=["solution"]
# @title Solution: an alarm for strange images


def each_error(images):
    return np.square(images - model.reconstruct(images)).sum(axis=(1, 2, 3))


limit = np.quantile(each_error(train_images), 0.95)
alarms = {name: float((each_error(images) > limit).mean()) for name, images in strange.items()}
print({name: f"{share:.0%}" for name, share in alarms.items()})
assert alarms["pixels shuffled"] > alarms["digits"]

# %% [markdown] lang="en"
# ## References
#
# - D. E. Rumelhart, G. E. Hinton, R. J. Williams, *Learning internal representations by error propagation*, 1986: networks that copy through a narrow layer.
# - H. Bourlard, Y. Kamp, *Auto-association by multilayer perceptrons and singular value decomposition*, Biological Cybernetics 59, 1988.
# - P. Baldi, K. Hornik, *Neural networks and principal component analysis*, Neural Networks 2, 1989.
# - G. E. Hinton, R. R. Salakhutdinov, *Reducing the dimensionality of data with neural networks*, Science 313, 2006.
# - P. Ghosh et al., *From variational to deterministic autoencoders*, ICLR 2020, [arXiv:1903.12436](https://arxiv.org/abs/1903.12436).
#
# Next: [the variational autoencoder](02_vae.ipynb), whose encoder fills the holes itself.

# %% [markdown] lang="zh-CN"
# ## 参考文献
#
# - D. E. Rumelhart, G. E. Hinton, R. J. Williams, *Learning internal representations by error propagation*, 1986：让网络穿过窄层进行复制。
# - H. Bourlard, Y. Kamp, *Auto-association by multilayer perceptrons and singular value decomposition*, Biological Cybernetics 59, 1988。
# - P. Baldi, K. Hornik, *Neural networks and principal component analysis*, Neural Networks 2, 1989。
# - G. E. Hinton, R. R. Salakhutdinov, *Reducing the dimensionality of data with neural networks*, Science 313, 2006。
# - P. Ghosh et al., *From variational to deterministic autoencoders*, ICLR 2020, [arXiv:1903.12436](https://arxiv.org/abs/1903.12436)。
#
# 下一篇：[变分自编码器](02_vae.ipynb)，它的编码器自己填补空洞。
