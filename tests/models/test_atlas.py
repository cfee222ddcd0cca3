"""The face atlas with small numbers: shapes, the mixture against torch's own, percentiles, names, half precision on disk."""
import pytest
import torch
from torch import distributions as dist

from models import checkpoint
from models.atlas import FaceAtlas


@pytest.fixture
def atlas():
    made = FaceAtlas(FaceAtlas.Config(latents=5, attributes=("turn", "smile"), components=3, grey=8))
    chance = torch.Generator().manual_seed(0)
    scale = torch.randn(3, 5, 5, generator=chance).tril() * 0.3
    scale.diagonal(dim1=1, dim2=2).abs_().add_(0.5)
    made.load_state_dict({**made.state_dict(), "prior_weight": torch.tensor([0.5, 0.3, 0.2]), "prior_mean": torch.randn(3, 5, generator=chance), "prior_scale": scale,
                          "correlation": torch.tensor([[0.1, -0.2], [0.6, 0.5], [0.1, -0.9], [0.0, 0.0], [0.3, 0.1]]), "readout_weight": torch.randn(2, 64, generator=chance),
                          "readout_bias": torch.tensor([0.5, -0.5]), "error_quantiles": torch.linspace(100, 200, 101), "density_quantiles": torch.linspace(-50, 50, 101)})
    return made


def prior(atlas):
    return dist.MixtureSameFamily(dist.Categorical(atlas.prior_weight), dist.MultivariateNormal(atlas.prior_mean, scale_tril=atlas.prior_scale))


def test_density_is_that_of_the_mixture(atlas):
    z = torch.randn(7, 5)
    assert torch.allclose(atlas.log_density(z), prior(atlas).log_prob(z), atol=1e-4)


def test_samples_follow_the_mixture_and_the_seed(atlas):
    z = atlas.sample(20000, seed=3)
    assert torch.equal(z, atlas.sample(20000, seed=3)) and not torch.equal(z, atlas.sample(20000, seed=4))
    assert torch.allclose(z.mean(0), prior(atlas).mean, atol=0.05) and torch.allclose(z.var(0), prior(atlas).variance, rtol=0.1)


def test_percentiles_run_from_0_to_100(atlas):
    assert atlas.percentile_of_error(150.0) == pytest.approx(50)
    assert atlas.percentile_of_error(1e9) == 100 and atlas.percentile_of_density(-1e9) == 0
    assert atlas.percentile_of_density(torch.tensor([-50.0, 0.0])).tolist() == [0, 50]


def test_a_latent_is_named_only_where_the_correlation_is_strong(atlas):
    assert atlas.names() == [None, ("turn", pytest.approx(0.6)), ("smile", pytest.approx(-0.9)), None, ("turn", pytest.approx(0.3))]
    assert atlas.names(0.7)[1] is None


def test_measures_are_linear_in_the_grey_picture(atlas):
    a, b = torch.rand(2, 3, 16, 16) * 2 - 1
    one, other, between = atlas.measure(torch.stack([a, b, (a + b) / 2]))
    assert torch.allclose(between, (one + other) / 2, atol=1e-5)
    assert torch.allclose(atlas.measure(torch.full((1, 3, 16, 16), 7.0)), atlas.measure(torch.ones(1, 3, 16, 16)))


def test_it_comes_back_from_disk(atlas, tmp_path):
    checkpoint.save(tmp_path / "face_atlas.safetensors", atlas, {}, {})
    again = checkpoint.load(tmp_path / "face_atlas.safetensors", FaceAtlas)
    z = torch.randn(4, 5)
    assert torch.allclose(again.log_density(z), atlas.log_density(z), atol=0.1) and again.names() == again.names()
    assert again.names()[1] == ("turn", pytest.approx(0.6, abs=1e-3)) and tuple(again.config.attributes) == ("turn", "smile")
