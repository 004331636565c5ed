import hashlib

import numpy as np

from models.images import synthetic_images

BLACK = -np.array([0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
WHITE = BLACK + 1 / np.array([0.229, 0.224, 0.225])


def test_they_are_the_same_bytes_everywhere() -> None:
    digest = hashlib.sha256(synthetic_images(2, 32, seed=0).tobytes()).hexdigest()
    assert digest == "85c6efee436a993c25f1c63e2b137250c2b7b554c4d13bde3dc51c6ffbc9e722", (
        "other images: results are no longer comparable"
    )


def test_another_seed_gives_other_images() -> None:
    assert not np.array_equal(synthetic_images(1, 32, seed=0), synthetic_images(1, 32, seed=1))


def test_they_have_the_range_of_a_normalized_image() -> None:
    images = synthetic_images(8, 64, seed=3)
    assert (images.shape, images.dtype) == ((8, 3, 64, 64), np.float32)
    assert np.allclose(images.min(axis=(0, 2, 3)), BLACK, atol=0.5)
    assert np.all(images.min(axis=(0, 2, 3)) >= BLACK - 1e-5)
    assert np.all(images.max(axis=(0, 2, 3)) <= WHITE + 1e-5)


def test_neighbouring_pixels_are_alike_and_images_are_not() -> None:
    images = synthetic_images(16, 64, seed=3)
    contrast = images - images.mean(axis=(2, 3), keepdims=True)
    alike = (contrast[..., 1:] * contrast[..., :-1]).mean(axis=(1, 2, 3)) / contrast.var(axis=(1, 2, 3))
    assert np.median(alike) > 0.5
    flat = contrast.reshape(16, -1) / np.linalg.norm(contrast.reshape(16, -1), axis=1, keepdims=True)
    assert np.abs(flat @ flat.T - np.eye(16)).max() < 0.9
