"""What every test may ask for. It knows no module of the gateway: fixtures that need one live beside the tests that use them."""

from pathlib import Path

import pytest

from traffic import corpus

pytest_plugins = ["gateway", "watching"]  # the real gateway as a subprocess; validators over every stream


@pytest.fixture(scope="session")
def traffic() -> Path:
    """The folder of recorded traffic; without it the test is skipped, or fails where CI=true."""
    folder, missing = corpus()
    if folder is None:
        pytest.skip(missing)
    return folder
