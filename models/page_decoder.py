"""The face VAE's decoder as one small file for the page, which draws faces by itself (demos/latent_web/decoder.js)."""
import json

from safetensors.torch import save
from torch import nn

from models.vae import COARSE, SLOPE, VAE, Conv

OF_ATLAS = ("readout_weight", "readout_bias", "natural", "still")


def page_file(net: VAE, atlas=None) -> bytes:
    """The decoder of `net`, and of a FaceAtlas the tensors that the page reads and moves faces by, as a safetensors file in half precision.

    Weights lie as the page multiplies: inputs before outputs, (3, 3, C, C') for a convolution, (places, Z, C) for the linear layer that draws the first
    picture of `places` pixels, (1, Z, S/4 * S/4 * 3) for the linear path, biases in the order of the outputs. They are the network's own numbers, exact
    where it was loaded from half precision; the page folds each enlarging convolution into four of 2 x 2 when it opens the file, because folded
    they would be rounded again and take 16 numbers where 9 say it. The metadata's `notes` (JSON) tell size, latents, `layers` in their order and
    the `linear` path. ValueError where the decoder has a module that the page does not know.
    """
    layers, tensors = [], {}

    def add(name, weight, bias, **notes):
        tensors[f"{name}.weight"], tensors[f"{name}.bias"] = weight, bias
        *_, channels_in, channels_out = weight.shape
        return {"name": name, "in": channels_in, "out": channels_out, "slope": 1.0, "enlarge": False, "residual": False, **notes}

    def convolution(conv, **notes):
        if (conv.kernel_size, conv.stride, conv.padding, conv.groups) != ((3, 3), (1, 1), (1, 1), 1):
            raise ValueError(f"The page draws with 3 x 3 convolutions of stride 1 only, not with {conv}: extend demos/latent_web/decoder_network.js.")
        size = layers[-1]["size"] * (2 if notes.get("enlarge") else 1)
        layers.append(add(f"decoder.{len(layers)}", conv.weight.permute(2, 3, 1, 0), conv.bias, kind="convolution", size=size, **notes))

    for module in net.decoder:
        if isinstance(module, nn.Linear):
            linear = module
        elif isinstance(module, nn.Unflatten):
            channels, size, _ = module.unflattened_size
            layers.append(add(f"decoder.{len(layers)}", linear.weight.view(channels, size ** 2, -1).permute(1, 2, 0),
                              linear.bias.view(channels, size ** 2).T, kind="linear", size=size))
        elif isinstance(module, nn.LeakyReLU):
            layers[-1]["slope"] = module.negative_slope
        elif isinstance(module, Conv):
            convolution(module.conv, slope=SLOPE, enlarge=module.enlarge, residual=module.residual)
        elif isinstance(module, nn.Conv2d):
            convolution(module)
        elif isinstance(module, nn.PixelShuffle):
            shuffle = module.upscale_factor
        else:
            raise ValueError(f"The page cannot draw with {module}: extend demos/latent_web/decoder_network.js.")

    coarse = net.linear_decoder[0]
    by_pixel = lambda t: t.unflatten(0, net.linear_decoder[1].unflattened_size).movedim(0, 2).flatten(0, 2)
    linear = add("linear_decoder", by_pixel(coarse.weight).T[None], by_pixel(coarse.bias)[None], kind="linear", size=1)
    tensors |= {name: getattr(atlas, name) for name in OF_ATLAS if atlas is not None}
    notes = {"size": net.config.size, "latents": net.config.latents, "layers": layers, "shuffle": shuffle, "linear": linear, "coarse": COARSE}
    return save({k: v.detach().cpu().half().contiguous() for k, v in tensors.items()}, {"notes": json.dumps(notes)})
