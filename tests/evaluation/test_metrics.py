"""Metric code against closed forms, definitions written out, and other libraries."""

import numpy as np
import pytest

from genzoo.data.rows import Rows
from genzoo.data.sets import load_data
from genzoo.evaluation.memory import PeakMemory
from genzoo.evaluation.metrics.distances import frechet_distance, kernel_distance
from genzoo.evaluation.metrics.intervals import wilson
from genzoo.evaluation.metrics.neighbours import nearest_training, prdc
from genzoo.evaluation.metrics.reconstruction import reconstruction_errors


def with_moments(n, mean, covariance, seed=0):
    """n vectors whose sample mean and covariance are exactly these."""
    x = np.random.default_rng(seed).normal(size=(n, len(mean)))
    x -= x.mean(axis=0)
    x = x @ np.linalg.inv(np.linalg.cholesky(np.cov(x, rowvar=False))).T
    return x @ np.linalg.cholesky(covariance).T + mean


def random_covariance(d, seed):
    a = np.random.default_rng(seed).normal(size=(d, 2 * d))
    return a @ a.T / d


def test_frechet_distance_of_independent_coordinates():
    mean_x, mean_y, sd_x, sd_y = np.array([0.0, 1, 2]), np.array([1.0, 1, 0]), np.array([1, 2, 3]), np.array([2, 2, 1])
    x, y = with_moments(50, mean_x, np.diag(sd_x**2.0)), with_moments(70, mean_y, np.diag(sd_y**2.0), seed=1)
    expected = ((mean_x - mean_y) ** 2 + (sd_x - sd_y) ** 2).sum()  # of each coordinate on its own
    assert frechet_distance(x, y) == pytest.approx(expected, rel=1e-9)
    assert frechet_distance(y, x) == pytest.approx(expected, rel=1e-9)
    assert frechet_distance(x, x) == pytest.approx(0, abs=1e-9)


def test_frechet_distance_agrees_with_scipys_matrix_root():
    from scipy.linalg import sqrtm

    d = 12
    cov_x, cov_y = random_covariance(d, 1), random_covariance(d, 2)
    x, y = with_moments(200, np.zeros(d), cov_x), with_moments(300, np.ones(d), cov_y, seed=1)
    expected = d + np.trace(cov_x + cov_y - 2 * sqrtm(cov_x @ cov_y).real)
    assert frechet_distance(x, y) == pytest.approx(expected, rel=1e-8)


def test_frechet_distance_of_fewer_vectors_than_dimensions_is_finite_and_symmetric():
    x, y = (np.random.default_rng(seed).normal(size=(10, 30)) for seed in (0, 1))
    assert 0 < frechet_distance(x, y) == pytest.approx(frechet_distance(y, x), rel=1e-6)
    with pytest.raises(ValueError, match="at least 2"):
        frechet_distance(x[:1], y)


def third_moments(mean):
    """E x, E x², E x³ of N(mean, 1)."""
    return np.array([mean, mean**2 + 1, mean**3 + 3 * mean])


def expected_mmd2(mean_x, mean_y):
    """Of (a b + 1)³ between N(mean_x, 1) and N(mean_y, 1): the binomial expansion, term by term."""
    kernel = lambda a, b: 1 + np.array([3, 3, 1]) @ (third_moments(a) * third_moments(b))  # noqa: E731
    return kernel(mean_x, mean_x) + kernel(mean_y, mean_y) - 2 * kernel(mean_x, mean_y)


@pytest.mark.parametrize("shift", [0.0, 0.3, 1.0])
def test_kernel_distance_meets_its_closed_form_within_its_error(shift):
    rng = np.random.default_rng(3)
    value, error = kernel_distance(rng.normal(size=(20_000, 1)), rng.normal(size=(20_000, 1)) + shift)
    expected = expected_mmd2(0, shift)
    assert abs(value - expected) < 4 * error
    assert error < 0.1 + 0.1 * expected  # so that the line above says something


def test_kernel_distance_is_unbiased_and_its_error_honest():
    rng = np.random.default_rng(0)
    values, errors = zip(*(kernel_distance(*rng.normal(size=(2, 60, 2))) for _ in range(400)), strict=True)
    assert abs(np.mean(values)) < 4 * np.std(values) / 20
    assert min(values) < 0  # an estimate that could not fall below 0 would be biased
    assert np.mean(np.square(errors)) == pytest.approx(np.var(values), rel=0.4)
    with pytest.raises(ValueError, match="at least 40"):
        kernel_distance(np.zeros((39, 2)), np.zeros((100, 2)))


def by_definition(real, fake, k):
    """Kynkäänniemi et al. 2019, eq. 1 to 3, and Naeem et al. 2020, eq. 4 and 5, a pair at a time."""

    def radius(points, i):
        return sorted(np.linalg.norm(points - points[i], axis=1))[k]  # the first is the point itself

    inside = [[np.linalg.norm(f - r) < radius(real, i) for i, r in enumerate(real)] for f in fake]
    recalled = [any(np.linalg.norm(f - r) < radius(fake, j) for j, f in enumerate(fake)) for r in real]
    return {
        "precision": np.mean([any(row) for row in inside]),
        "recall": np.mean(recalled),
        "density": np.sum(inside) / (k * len(fake)),
        "coverage": np.mean(np.any(inside, axis=0)),
    }


def test_prdc_on_a_worked_example():
    # Balls to the nearest other: 0 and 1 reach to each other (radius 1), 4 reaches to 1 (3), 10 reaches to 4 (6).
    real, fake = np.array([[0.0], [1], [4], [10]]), np.array([[0.5], [3.0], [20.0]])
    # 0.5 lies in the balls of 0 and 1, not of 4 (3.5 away) or 10 (9.5); 3 in that of 4 (10 is 7 away); 20 in none.
    # Fake balls: 0.5 and 3 reach 2.5, 20 reaches 17: 0 and 1 lie in that of 0.5, 4 in that of 3, 4 and 10 in 20's.
    assert prdc(real, fake, k=1) == {"precision": 2 / 3, "recall": 1.0, "density": 3 / 3, "coverage": 3 / 4}


@pytest.mark.parametrize("k", [1, 3, 5])
def test_prdc_agrees_with_its_definitions(k):
    rng = np.random.default_rng(k)
    real, fake = rng.normal(size=(60, 3)), rng.normal(size=(45, 3)) * 0.7 + 0.5
    assert prdc(real, fake, k) == pytest.approx(by_definition(real, fake, k))


def test_prdc_in_parts_equals_prdc_at_once():
    rng = np.random.default_rng(0)
    real, fake = rng.normal(size=(300, 4)), rng.normal(size=(2500, 4))  # three parts
    assert prdc(real, fake, 2) == pytest.approx(by_definition_at_once(real, fake, 2))
    with pytest.raises(ValueError, match="more than 5"):
        prdc(real, fake[:5])


def by_definition_at_once(real, fake, k):
    distances = np.linalg.norm(fake[:, None] - real[None], axis=2)
    radii = [np.sort(np.linalg.norm(x[:, None] - x[None], axis=2), axis=1)[:, k] for x in (real, fake)]
    inside = distances < radii[0]
    return {"precision": inside.any(1).mean(), "recall": (distances < radii[1][:, None]).any(0).mean(),
            "density": inside.sum() / (k * len(fake)), "coverage": inside.any(0).mean()}  # fmt: skip


def test_near_copies_stand_out_and_other_images_do_not():
    data = load_data("digits", image_size=16)
    rng = np.random.default_rng(0)
    training, test = data.train_images, data.test_images
    noisy = np.clip(training[:200] + rng.normal(0, 10, (200, 16, 16, 1)), 0, 255).astype(np.uint8)
    distance, copied = nearest_training(noisy, training)
    assert copied.mean() > 0.9 and distance.max() < 0.1
    exact, all_copied = nearest_training(training[:50], training)
    assert exact.max() == pytest.approx(0, abs=1e-3) and all_copied.all()
    away, fresh = nearest_training(test, training)
    assert fresh.mean() < 0.5 and np.median(away) > 2 * np.median(distance)
    mean = np.broadcast_to(training.mean(axis=0), (5, 16, 16, 1)).astype(np.uint8)
    assert not nearest_training(mean, training)[1].any()  # a blur is near to many, and a copy of none


@pytest.mark.parametrize(
    ("hits", "n", "interval"),
    [(9950, 10_000, (0.99342, 0.99620)), (0, 10, (0.0, 0.27753)), (10, 10, (0.72247, 1.0)), (1, 2, (0.09453, 0.90547))],
)
def test_wilson_interval(hits, n, interval):
    assert wilson(hits, n) == pytest.approx(interval, abs=5e-5)


@pytest.mark.parametrize("channels", [1, 3])
def test_reconstruction_errors_agree_with_scikit_image(channels):
    from skimage.metrics import mean_squared_error, peak_signal_noise_ratio, structural_similarity

    rng = np.random.default_rng(channels)
    a = rng.integers(0, 256, (3, 28, 20, channels)).astype(np.uint8)
    b = np.clip(a + rng.normal(0, 20, a.shape), 0, 255).astype(np.uint8)
    ours = reconstruction_errors(a, b)
    for i, (x, y) in enumerate(zip(a / 255, b / 255, strict=True)):
        assert ours["mse"][i] == pytest.approx(mean_squared_error(x, y), rel=1e-5)
        assert ours["psnr"][i] == pytest.approx(peak_signal_noise_ratio(x, y, data_range=1), rel=1e-5)
        ssim = structural_similarity(
            x, y, data_range=1, channel_axis=-1, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
        )
        assert ours["ssim"][i] == pytest.approx(ssim, abs=2e-4)


def test_perfect_and_small_reconstructions():
    image = np.full((2, 28, 28, 1), 7, np.uint8)
    perfect = reconstruction_errors(image, image)
    assert (perfect["mse"] == 0).all() and perfect["ssim"] == pytest.approx(1)
    nearly = image.copy()
    nearly[:, 3, 4] += 1  # the least that can be wrong
    assert perfect["psnr"] == pytest.approx(reconstruction_errors(image, nearly)["psnr"])
    assert perfect["psnr"] == pytest.approx(20 * np.log10(255) + 10 * np.log10(28 * 28))
    assert set(reconstruction_errors(image[:, :8, :8], image[:, :8, :8])) == {"mse", "psnr"}  # no room for the window


def test_peak_memory_sees_what_was_freed_again():
    with PeakMemory() as idle:
        pass
    with PeakMemory() as busy:
        block = np.ones(40_000_000, np.float32)  # 160 MB
        for _ in range(5):
            block += 1
        del block
    assert busy.bytes - idle.bytes > 100e6


def test_parts_of_a_large_set_give_what_the_whole_gives(monkeypatch, tmp_path):
    """The search among training images, here of a file, and the moments of features."""
    rng = np.random.default_rng(0)
    images, training = rng.integers(0, 256, (12, 4, 5, 3), np.uint8), rng.integers(0, 256, (203, 4, 5, 3), np.uint8)
    training[7] = images[3]
    x, y = rng.normal(3, 2, (203, 6)), rng.normal(size=(50, 6))
    whole, distance = nearest_training(images, training), frechet_distance(x, y)
    assert whole[1].tolist() == [i == 3 for i in range(12)]
    np.save(tmp_path / "all.npy", training)
    monkeypatch.setattr("genzoo.evaluation.metrics.neighbours.SEARCHED", 30 * 60)  # 30 images, fewer than are ranked
    monkeypatch.setattr("genzoo.evaluation.metrics.distances.MOMENTS", 17)
    for found, expected in zip(nearest_training(images, Rows(tmp_path / "all.npy")), whole, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-6)
    assert frechet_distance(x, y) == pytest.approx(distance, rel=1e-12)
