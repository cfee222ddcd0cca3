"""Pictures in and out of networks: safe reading, and the round trip between a picture and a tensor."""
import io
import warnings

import numpy as np
import torch
from PIL import Image, ImageOps, UnidentifiedImageError

MOST_PIXELS = 64_000_000  # a 48-megapixel phone photo fits; a decompression bomb does not


def read_picture(source) -> Image.Image:
    """RGB picture from a path, a binary file, bytes, a PIL picture or an array (H, W[, 3 or 4]) in 0..255.

    The camera's orientation is honoured, transparency is laid on white, 16-bit grey is scaled, of an animation the first frame is
    taken. ValueError with a sentence for a person where there is no picture, none that can be read, or one too large.
    """
    if source is None:
        raise ValueError("There is no picture yet: upload one, take one with the camera, or choose an example.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            picture = _open(source)
            if picture.width * picture.height > MOST_PIXELS:
                raise ValueError(f"This picture has {picture.width * picture.height / 1e6:.0f} megapixels; at most {MOST_PIXELS // 10**6} can be read. Make it smaller first.")
            if min(picture.size) < 8 or max(picture.size) > 50 * min(picture.size):
                raise ValueError(f"This picture is {picture.width} x {picture.height} pixels: too small or too narrow to work with. Choose another one.")
            if picture.format == "JPEG":
                picture.draft("RGB", (2048, 2048))  # lets the decoder skip detail that no network here uses
            picture.seek(0)
            picture.load()
    except Image.DecompressionBombError:
        raise ValueError(f"This picture is far too large: at most {MOST_PIXELS // 10**6} megapixels can be read. Make it smaller first.") from None
    except (UnidentifiedImageError, OSError, SyntaxError, EOFError, TypeError, OverflowError, MemoryError) as error:
        raise ValueError("This file could not be read as a picture: it is damaged or of another kind. Try a JPEG, PNG or WebP file.") from error
    return _as_rgb(ImageOps.exif_transpose(picture))


def _open(source):
    if isinstance(source, Image.Image):
        return source.copy()
    if isinstance(source, np.ndarray):
        return Image.fromarray(source.astype(np.uint8))
    return Image.open(io.BytesIO(source) if isinstance(source, bytes) else source)


def _as_rgb(picture):
    if picture.mode.startswith("I;16") or picture.mode in "IF":
        grey = np.asarray(picture, np.float32)
        return Image.fromarray(np.uint8((grey / (65535 if grey.max() > 255 else 255) * 255).clip(0, 255))).convert("RGB")
    if "transparency" in picture.info or picture.mode in ("RGBA", "LA", "PA", "RGBa", "La"):
        picture = picture.convert("RGBA")
        ground = Image.new("RGBA", picture.size, "white")
        return Image.alpha_composite(ground, picture).convert("RGB")
    return picture.convert("RGB")


def square(picture: Image.Image, size: int) -> Image.Image:
    """The picture's centre square, `size` x `size`."""
    return ImageOps.fit(picture, (size, size), Image.LANCZOS)


def fit_within(picture: Image.Image, long_side: int) -> Image.Image:
    """The picture with its aspect kept and its longer side brought to `long_side` pixels."""
    scale = long_side / max(picture.size)
    return picture.resize([max(8, round(side * scale)) for side in picture.size], Image.LANCZOS)


def to_tensor(picture: Image.Image) -> torch.Tensor:
    """RGB picture -> (1, 3, H, W) in -1..1."""
    return torch.from_numpy(np.array(picture, np.float32)).permute(2, 0, 1)[None] / 127.5 - 1


def to_picture(tensor: torch.Tensor) -> Image.Image:
    """(1, 3, H, W) or (3, H, W) in -1..1, values beyond are cut -> RGB picture. The inverse of `to_tensor`."""
    tensor = tensor[0] if tensor.ndim == 4 else tensor
    return Image.fromarray(((tensor.float().clamp(-1, 1) + 1) * 127.5).round().byte().permute(1, 2, 0).cpu().numpy())


def psnr(a: Image.Image, b: Image.Image) -> float:
    """Peak signal-to-noise ratio of two RGB pictures in dB: 10 log10(255^2 / mean squared difference), at most 99."""
    error = ((to_tensor(a) - to_tensor(b)) * 127.5).square().mean()
    return min(99.0, float(10 * torch.log10(255 ** 2 / error)))


def sheet(tensor: torch.Tensor, columns: int) -> Image.Image:
    """(B, 3 or 1, H, W) in -1..1 -> one RGB picture with `columns` pictures to a row and a line of 2 white pixels between."""
    rows = [torch.cat(list(torch.nn.functional.pad(tensor[i:i + columns].float().expand(-1, 3, -1, -1), (0, 2, 0, 2), value=1.0)), 2)
            for i in range(0, len(tensor) - len(tensor) % columns or 1, columns)]
    return to_picture(torch.cat(rows, 1))
