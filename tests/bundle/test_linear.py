"""A linear model keeps finite numbers, whatever the size of what it reads."""

from __future__ import annotations

import numpy as np
import pytest

from runner.bundle.inputs import Inputs
from runner.bundle.models.linear import Design


@pytest.mark.parametrize("huge", [1e200, 1e300, 1.7e308])
def test_a_number_whose_square_is_not_finite_is_standardised_all_the_same(huge: float) -> None:
    values = np.full((100, 2), 1.0)
    values[::2, 0], values[:3, 1] = 2.0, huge
    design = Design.learn(Inputs(("plain", "huge"), {}), values)
    assert design.means[0] == values[:, 0].mean()
    assert design.scales[0] == values[:, 0].std()
    assert np.isfinite([design.means, design.scales]).all()
    columns = design.columns(values)
    assert np.isfinite(columns).all()
    assert columns[0, 1] > 5.0 > columns[-1, 1]
