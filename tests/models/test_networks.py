import pytest
import torch

from models import cyclegan, gan, vae


def test_vae_shapes_and_range():
    net = vae.VAE(vae.VAE.Config(size=32, latents=5, width=8))
    x = torch.rand(2, 3, 32, 32) * 2 - 1
    mean, log_variance = net.encode(x)
    assert mean.shape == log_variance.shape == (2, 5)
    assert net.decode(mean).shape == x.shape and net.decode(mean).abs().max() <= 1
    assert net.sample(3, seed=1).shape == (3, 3, 32, 32)
    assert torch.equal(net.sample(1, seed=1), net.sample(1, seed=1))
    assert torch.allclose(vae.kl_divergence(torch.zeros(1, 5), torch.zeros(1, 5)), torch.zeros(1, 5))
    reference = torch.distributions.kl_divergence(torch.distributions.Normal(0.7, 2.0), torch.distributions.Normal(0.0, 1.0))
    assert vae.kl_divergence(torch.tensor(0.7), torch.tensor(4.0).log()).item() == pytest.approx(reference.item(), rel=1e-5)


@pytest.mark.parametrize("resolution", [4, 8, 16, 32])
def test_gan_grows(resolution):
    net = gan.GAN(gan.GAN.Config(size=32, latents=6, channels=(8, 8, 8, 4), resolution=resolution)).eval()
    faces = net.sample([3, 4])
    assert faces.shape == (2, 3, resolution, resolution)
    assert net.D(faces, resolution).shape == (2,)
    assert torch.equal(net.sample([4])[0], net.sample([4])[0]) and not torch.equal(faces[0], faces[1])


def test_gan_fades_in_new_layers():
    net = gan.GAN(gan.GAN.Config(size=16, latents=6, channels=(8, 8, 8))).eval()
    z = torch.randn(2, 6)
    coarse, fine = net.G(z, 8), net.G(z, 16)
    enlarged = torch.nn.functional.interpolate(coarse, scale_factor=2)
    assert torch.allclose(net.G(z, 16, 0.0), enlarged, atol=1e-5)
    assert torch.allclose(net.G(z, 16, 0.25), torch.lerp(enlarged, fine, 0.25), atol=1e-5)
    assert torch.allclose(net.G(z, 16, torch.tensor(1.0)), fine, atol=1e-5)
    assert torch.allclose(net.D(fine, 16, 0.0), net.D(torch.nn.functional.avg_pool2d(fine, 2), 8), atol=1e-4)


def test_gan_minibatch_deviation_tells_copies():
    varied, copies = torch.randn(8, 3, 4, 4), torch.randn(1, 3, 4, 4).expand(8, -1, -1, -1)
    assert gan._minibatch_deviation(copies).max() < 1e-3 < gan._minibatch_deviation(varied).min()


CONFIGS = [cyclegan.Generator.Config(3, 3, 8, 1), cyclegan.Generator.Config(1, 1, 8, 1, 1, 2, True, gate=True), cyclegan.Generator.Config(3, 2, 8, 1, 0, 4, True),
           cyclegan.Generator.Config(3, 3, 8, 1, 0, 4, True, halfway=4), cyclegan.Generator.Config(3, 3, 8, 1, 0, 4, True, halfway=4, shrink=1.6, gate=True),
           cyclegan.Generator.Config(3, 3, 8, 1, 0, 4, True, halfway=4, shrink=2, gate=True)]


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_a_resize_convolution_is_a_convolution_over_doubled_pixels(dtype):
    quick = cyclegan.ResizeConv(5, 4, bias=True).to(dtype)
    plain = torch.nn.Sequential(torch.nn.Upsample(scale_factor=2), torch.nn.Conv2d(5, 4, 3, padding=1, padding_mode="reflect")).to(dtype)
    plain[1].load_state_dict(quick.state_dict())
    x = torch.randn(2, 5, 6, 9, dtype=dtype).contiguous(memory_format=torch.channels_last)
    made, wanted = quick(x), plain(x)
    assert made.shape == (2, 4, 12, 18) and made.is_contiguous(memory_format=torch.channels_last)
    assert torch.allclose(made, wanted, atol=1e-12 if dtype == torch.float64 else 0.05)
    made.sum().backward()
    wanted.sum().backward()
    assert torch.allclose(quick.weight.grad, plain[1].weight.grad, rtol=1e-6 if dtype == torch.float64 else 0.1, atol=1e-9 if dtype == torch.float64 else 2.0)


@pytest.mark.parametrize("config", CONFIGS)
def test_generator_keeps_any_size(config):
    net = cyclegan.Generator(config)
    assert net(torch.randn(2, config.in_channels, 32, 64)).shape == (2, config.out_channels, 32, 64)
    for height, width in ((33, 50), (8, 8), (9, 31), (8, 300)):
        assert net.translate(torch.randn(1, config.in_channels, height, width)).shape == (1, config.out_channels, height, width)


def test_pictures_are_continued_by_reflection_and_cropped_back(monkeypatch):
    net, given = cyclegan.Generator(CONFIGS[2]), []
    monkeypatch.setattr(cyclegan.Generator, "painted", lambda self, x: (given.append(x) or x, x[:, :1]))
    x = torch.arange(30.0).view(1, 1, 5, 6)
    assert torch.equal(net.translate(x), x) and torch.equal(net.translate_painted(x)[1], x)
    rows, columns = [0, 1, 2, 3, 4, 3, 2, 1], [0, 1, 2, 3, 4, 5, 4, 3]
    assert torch.equal(given[0], x[:, :, rows][..., columns])
    assert cyclegan.reflected(3, 8).tolist() == [0, 1, 2, 1, 0, 1, 2, 1] and cyclegan.reflected(2, 4).tolist() == [0, 1, 0, 1]


def test_what_an_enlarged_network_changes_is_enlarged():
    nets = cyclegan.CycleGAN(cyclegan.CycleGAN.Config(width=8, blocks=1, downs=0, unshuffle=4, resize_convolution=True, gate=True, critic_width=4))
    larger, fine = nets.enlarged(2), torch.randn(1, 3, 64, 96)
    coarse = torch.nn.functional.avg_pool2d(fine, 2)
    painted = nets.G_AB.layers(coarse)
    paint, gate = (torch.nn.functional.interpolate(part, (64, 96), mode="bilinear") for part in (painted[:, :3].tanh(), (painted[:, 3:] - 1).sigmoid()))
    assert torch.allclose(larger.G_AB(fine), fine + gate * (paint - fine), atol=1e-6)
    between = nets.enlarged(1.6)
    assert between.G_AB.stride == 32 and between.G_AB.translate(fine[..., :50, :]).shape == (1, 3, 50, 96) and between.D_A(fine).shape == nets.D_A(fine[..., :40, :60]).shape
    assert torch.equal(larger.D_A(fine), nets.D_A(coarse)) and larger.D_A.patch == 2 * nets.D_A.patch
    nets.D_A.layers[0].weight.data.zero_()
    assert larger.config.shrink == 2 and not larger.D_A.layers[0].weight.any(), "one store of weights for both"
    with pytest.raises(ValueError, match="gate"):
        cyclegan.Generator(cyclegan.Generator.Config(shrink=2))
    for unshuffle, halfway in ((3, 0), (2, 4)):
        with pytest.raises(ValueError, match="doubling"):
            cyclegan.Generator(cyclegan.Generator.Config(unshuffle=unshuffle, halfway=halfway))


def test_a_generator_with_a_gate_paints_over_what_it_opens():
    net, x = cyclegan.Generator(cyclegan.Generator.Config(width=8, blocks=1, downs=0, unshuffle=4, resize_convolution=True, gate=True)), torch.randn(2, 3, 16, 24)
    picture, gate = net.painted(x)
    assert gate.shape == (2, 1, 16, 24) and 0 <= gate.min() and gate.max() <= 1 and torch.equal(picture, net(x))
    torch.nn.init.zeros_(net.layers[-1].weight)
    for bias, made in ((-100.0, x), (100.0, torch.ones_like(x))):  # shut, and open on white
        torch.nn.init.constant_(net.layers[-1].bias, bias)
        assert torch.allclose(net(x), made, atol=1e-6)


def test_instance_normalization_is_that_of_torch():
    x = torch.randn(2, 5, 9, 7).contiguous(memory_format=torch.channels_last)
    assert torch.allclose(cyclegan.InstanceNorm()(x), torch.nn.functional.instance_norm(x), atol=1e-5)


def test_the_published_generator_is_a_configuration():
    assert sum(p.numel() for p in cyclegan.Generator().parameters()) == pytest.approx(11.4e6, rel=0.01)


def test_discriminator_sees_patches_of_70():
    net = cyclegan.Discriminator(cyclegan.Discriminator.Config(3, 4)).eval()
    for layer in net.layers:  # normalization sees the whole picture: leave it out to measure what one output sees
        if isinstance(layer, cyclegan.InstanceNorm):
            layer.forward = lambda x: x
    x = torch.zeros(1, 3, 256, 256, requires_grad=True)
    y = net(x)
    assert y.shape == (1, 1, 30, 30)
    y[0, 0, 15, 15].backward()
    seen = x.grad.abs().sum((0, 1)).nonzero()
    assert (seen.max(0).values - seen.min(0).values + 1).tolist() == [70, 70]


