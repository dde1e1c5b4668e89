"""The Lee filter against its formula pixel by pixel, and looks against speckle of known looks."""

from __future__ import annotations

import numpy as np
import pytest

from eoagent.contracts.errors import InputError
from eoagent.spectral.speckle import LookCounter, lee


def speckled(looks, shape=(80, 90), seed=1):
    """Return even ground of power 0.05 under speckle of so many looks."""
    return 0.05 * np.random.default_rng(seed).gamma(looks, 1 / looks, shape)


def brute(power, size, looks):
    """Return Lee's filter from its formula, with loops."""
    half, speckle = size // 2, 1 / looks
    out = np.full(power.shape, np.nan)
    for r, c in zip(*np.nonzero(np.isfinite(power)), strict=True):
        part = power[max(0, r - half) : r + half + 1, max(0, c - half) : c + half + 1]
        part = part[np.isfinite(part)]
        mean, variance = part.mean(), part.var()
        signal = max(0.0, (variance - speckle * mean**2) / (1 + speckle))
        total = signal + speckle * mean**2
        out[r, c] = mean + (signal / total if total else 0) * (power[r, c] - mean)
    return out


@pytest.mark.parametrize(("size", "looks"), [(3, 1.0), (7, 4.4), (9, 20.0)])
def test_each_pixel_is_what_the_formula_says_also_beside_missing_ones(size, looks):
    power = speckled(4.4, (24, 31))
    power[10:, 15:] *= 20
    power[4:6, 7:9] = np.nan
    power[0, 0] = np.nan
    assert np.allclose(
        lee(power, size=size, looks=looks), brute(power, size, looks), equal_nan=True
    )


def test_even_ground_comes_out_as_its_mean_and_an_edge_stays():
    power = speckled(5.0)
    power[:, 45:] *= 100
    smooth = lee(power, size=7, looks=5.0)
    left, right = smooth[:, 5:40], smooth[:, 50:85]
    assert left.mean() == pytest.approx(power[:, 5:40].mean(), rel=0.01)
    assert left.std() < 0.35 * power[:, 5:40].std()
    assert right.mean() / left.mean() == pytest.approx(100, rel=0.05)
    assert (smooth[:, 44] < 1.0).mean() > 0.95


def test_many_looks_leave_the_image_and_few_leave_the_mean():
    power = speckled(4.0)
    assert np.allclose(lee(power, size=7, looks=1e9), power, rtol=1e-4)
    one = np.full((9, 9), 0.3)
    assert np.allclose(lee(one, size=7, looks=4.0), 0.3)
    assert np.array_equal(lee(np.zeros((9, 9)), size=3, looks=4.0), np.zeros((9, 9)))


@pytest.mark.parametrize("looks", [3.0, 4.9, 10.0, 40.0])
def test_looks_are_found_on_ground_that_changes_from_field_to_field(looks):
    rng = np.random.default_rng(3)
    fields = np.exp(np.kron(rng.normal(size=(8, 8)), np.ones((40, 40))))
    counter = LookCounter(7)
    power = fields * rng.gamma(looks, 1 / looks, fields.shape)
    power[5:9, 100:120] = np.nan
    counter.add(power)
    assert counter.looks == pytest.approx(looks, rel=0.1)


def test_parts_with_their_halo_count_as_the_whole_does():
    power = speckled(4.9, (200, 60))
    whole, parts = LookCounter(7), LookCounter(7)
    whole.add(np.pad(power, 3, constant_values=np.nan))
    padded = np.pad(power, 3, constant_values=np.nan)
    for row in range(0, 200, 50):
        parts.add(padded[row : row + 56])
    assert parts.looks == pytest.approx(whole.looks, rel=0.05)


def test_what_makes_no_sense_is_refused():
    power = speckled(4.0, (5, 5))
    with pytest.raises(InputError, match="window of 4 x 4"):
        lee(power, size=4, looks=4)
    with pytest.raises(InputError, match="window of 33 x 33"):
        LookCounter(33)
    with pytest.raises(InputError, match="0 looks were given"):
        lee(power, size=3, looks=0)
    counter = LookCounter(3)
    counter.add(power)
    with pytest.raises(InputError, match="cannot be told from so few pixels") as caught:
        _ = counter.looks
    assert "give looks" in caught.value.hint
