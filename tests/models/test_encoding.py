"""One face in numbers: against the losses of the training, and against faces whose place is known."""
import pytest
import torch
from PIL import Image

from models import vae
from models.atlas import FaceAtlas
from models.encoding import Rarity, encode, in_words, loss_of, rarity_of
from models.pictures import psnr, to_picture, to_tensor

TINY = vae.VAE.Config(size=32, latents=8, width=8)


@pytest.fixture
def net():
    torch.manual_seed(0)
    return vae.VAE(TINY).eval().requires_grad_(False)


@pytest.fixture
def crop():
    return Image.effect_noise((32, 32), 60).convert("RGB")


@pytest.fixture
def atlas():
    """Of N(0, I), with a hundred training faces whose errors are 1 to 101 and whose densities are those of points 0 to 5 from the mean."""
    atlas = FaceAtlas(FaceAtlas.Config(8, ("smile",), 1))
    atlas.load_state_dict({**atlas.state_dict(), "prior_weight": torch.ones(1), "prior_scale": torch.eye(8)[None], "error_quantiles": torch.linspace(1, 101, 101)})
    away = torch.zeros(101, 8)
    away[:, 0] = torch.linspace(5, 0, 101)
    atlas.load_state_dict({**atlas.state_dict(), "density_quantiles": atlas.log_density(away)})
    return atlas


def test_the_numbers_are_those_of_the_training_loss(net, crop):
    done = encode(net, crop)
    mean, log_variance = net.encode(to_tensor(crop))
    rec = net.decode(mean).clamp(-1, 1)
    assert torch.equal(done.mean, mean[0]) and torch.equal(done.log_variance, log_variance[0])
    assert done.squared_error == pytest.approx(((rec - to_tensor(crop)) ** 2).sum().item(), rel=1e-5)
    assert done.ssim == pytest.approx(vae.structural_similarity(rec, to_tensor(crop)).item(), abs=1e-5)
    normal, standard = torch.distributions.Normal(mean, (log_variance / 2).exp()), torch.distributions.Normal(0.0, 1.0)
    assert torch.allclose(done.kl, torch.distributions.kl_divergence(normal, standard)[0], atol=1e-5)
    assert done.reconstruction.tobytes() == to_picture(rec).tobytes() and done.psnr == psnr(crop, done.reconstruction)
    assert loss_of(done, {"beta": 0.5, "ssim weight": 100.0}).total == pytest.approx(done.squared_error + 100 * (1 - done.ssim) + 0.5 * done.kl.sum().item(), rel=1e-6)
    assert loss_of(done, {}).total == pytest.approx(done.squared_error + done.kl.sum().item(), rel=1e-6)


def test_a_face_has_its_place_among_the_training_faces(net, crop, atlas):
    done = encode(net, crop)._replace(mean=torch.eye(8)[0], squared_error=31.0)
    rarity = rarity_of(done, atlas)
    assert rarity.worse == pytest.approx(70, abs=0.1) and rarity.denser == pytest.approx(20, abs=0.5) and rarity.times == pytest.approx(31 / 51, rel=1e-3)
    far = rarity_of(done._replace(mean=9 * torch.ones(8), squared_error=1e4), atlas)
    assert far.worse == 0 and far.denser == 100 and "outlier" in in_words(far)


def test_the_sentence_goes_by_the_stricter_number():
    assert "ordinary" in in_words(Rarity(60.0, 30.0, 1.0))
    assert "78 of 100" in in_words(Rarity(60.0, 78.0, 1.0)) and "78 of 100" in in_words(Rarity(22.0, 30.0, 1.0))
    assert "3 in 100 training faces are drawn worse" in in_words(Rarity(3.0, 30.0, 2.0)) and "3 in 100 training faces lie farther out" in in_words(Rarity(60.0, 97.0, 1.0))
    assert "4.5 times" in in_words(Rarity(0.0, 30.0, 4.5))
