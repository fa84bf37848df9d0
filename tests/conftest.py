"""What all tests share."""

import gc

import pytest


@pytest.fixture(autouse=True, scope="module")
def forget_the_models():
    """Graphs refer to each other in circles: without this, a run of all tests holds gigabytes of them."""
    yield
    gc.collect()
