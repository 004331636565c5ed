import numpy as np

from models.weights.random import RECTIFIED_VARIANCE, RandomWeights


def test_filters_have_no_mean_and_the_variance_of_he() -> None:
    random = RandomWeights(seed=3)
    random.convolution("conv", (64, 32, 3, 3))
    weight = random.tensors["conv.weight"]
    assert (weight.shape, weight.dtype) == ((64, 32, 3, 3), np.float32)
    assert np.abs(weight.mean(axis=(1, 2, 3))).max() < 1e-7
    assert np.isclose(weight.var(), 2 / (64 * 9), rtol=0.05)


def test_a_filter_that_is_not_centred_has_a_mean() -> None:
    random = RandomWeights(seed=3)
    random.convolution("conv", (64, 3, 7, 7), centred=False)
    weight = random.tensors["conv.weight"]
    assert np.abs(weight.mean(axis=(1, 2, 3))).max() > 1e-3
    assert np.isclose(weight.var(), 2 / (64 * 49), rtol=0.05)


def test_a_normalization_gives_the_gain_that_was_asked_for() -> None:
    random = RandomWeights(seed=3)
    random.norm("bn", 4096, variance=4.0, gain=0.5)
    parts = {name.removeprefix("bn."): array for name, array in random.tensors.items()}
    inputs = np.random.default_rng(0).normal(0, 2, (256, 4096))
    outputs = (inputs - parts["running_mean"]) / np.sqrt(parts["running_var"]) * parts["weight"] + parts["bias"]
    assert abs(outputs.mean()) < 0.01
    assert np.isclose(outputs.std(), 0.5, rtol=0.05)
    # None is the same for all channels, or its loss would not be seen.
    assert all(np.ptp(array) > 0.1 for array in parts.values())


def test_the_variance_of_what_a_rectifier_lets_through() -> None:
    rectified = np.maximum(np.random.default_rng(0).normal(size=1_000_000), 0)
    assert np.isclose(rectified.var(), RECTIFIED_VARIANCE, rtol=0.01)


def test_a_seed_is_a_set_of_weights() -> None:
    drawn = []
    for seed in (0, 0, 1):
        random = RandomWeights(seed)
        random.dense("fc", (10, 64))
        drawn.append(random.tensors["fc.weight"])
    assert np.array_equal(drawn[0], drawn[1])
    assert not np.array_equal(drawn[0], drawn[2])
