"""A horse painted by a program: a picture to start from that needs no network and nobody's leave."""
import numpy as np
from PIL import Image, ImageDraw


def painted_horse(size: int = 256, seed: int = 0) -> Image.Image:
    """A bay horse on a meadow, `size` x `size`, RGB: a silhouette painted to look like a photograph. `seed` changes clouds, trees and coat."""
    from scipy import ndimage
    from skimage import data
    rng = np.random.default_rng(seed)
    soft = ndimage.gaussian_filter
    y, x = np.mgrid[:512, :512] / 512
    u, v = (x - 0.075) * 465, (y - 0.225) * 465  # the silhouette's own 400 x 328 pixels: all anatomy below is placed in these

    def noise(*scales):  # standard deviation about 1, one layer for each scale in pixels
        layers = [np.fft.irfft2(ndimage.fourier_gaussian(np.fft.rfft2(rng.normal(size=x.shape)), scale, n=512)) for scale in scales]
        return sum(layer / layer.std() for layer in layers) / len(layers)

    def step(values, start, end):
        ramp = np.clip((values - start) / (end - start), 0, 1)
        return ramp * ramp * (3 - 2 * ramp)

    def blob(centre_u, centre_v, width, height):
        return np.exp(-((u - centre_u) / width) ** 2 - ((v - centre_v) / height) ** 2)

    def over(picture, colour, alpha):
        return picture + (colour - picture) * np.asarray(alpha)[..., None]

    def paint(red, green, blue):
        return np.full((512, 512, 3), (red, green, blue), float)

    # Sky with clouds, and a line of trees far behind
    horizon = 0.43
    picture = over(paint(118, 160, 208), paint(226, 232, 234), step(y, -0.1, 0.42))
    picture = over(picture, paint(250, 250, 248), 0.75 * step(noise((14, 40), (7, 20), (3, 8)), 0.2, 1.6))
    trees = over(paint(62, 78, 52) + 14 * noise(6, 3, 1.5)[..., None], paint(82, 106, 84), 1 - step(y, 0.3, 0.45))
    treetops = horizon - 0.07 - 0.022 * noise((60, 26), (40, 9), (30, 4))[0]
    picture = over(picture, trees, soft(step(y - treetops, -0.012, 0.012), 2))

    # A photograph of grass laid flat under the horizon, at two scales, with dry patches
    nearer = 1 / np.clip(y - horizon + 0.05, 0.02, 1)
    grass = data.grass() / 255
    grass -= grass.mean()
    lawn, blades = (ndimage.map_coordinates(grass, [nearer * rows, (x - 0.5) * nearer * columns], order=1, mode="wrap")
                    for rows, columns in ((190, 230), (437, 530)))
    front = step(y, horizon, 1)
    light = 1 + (0.5 + 0.9 * front) * (lawn + 0.6 * blades) + 0.09 * noise((9, 60), (4, 30))
    meadow = over(paint(92, 112, 44), paint(158, 158, 84), step(noise((12, 60), (6, 25)) + 1.2 * (1 - front), -1.5, 2.5))
    meadow *= (light * (1.1 - 0.28 * front))[..., None]
    picture = over(picture, meadow, soft(step(y - horizon, -0.004, 0.004), 1))

    # The body: the silhouette inflated, haunch, shoulder, belly and cheek raised, hollows between them, light from the upper left
    outline = soft(np.pad(~data.horse(), 120).astype(float), 1.2)
    outline = step(ndimage.map_coordinates(outline, [v + 120, u + 120], order=1), 0.3, 0.7)
    relief = 1.5 * sum(soft(outline, scale) * scale for scale in (3, 7, 14, 28)) + 2 * noise(9)
    relief += 14 * blob(95, 128, 34, 36) + 15 * blob(272, 138, 22, 36) + 12 * blob(185, 135, 52, 28) + 9 * blob(342, 64, 12, 14)
    relief += 6 * blob(78, 195, 12, 30) + 6 * blob(262, 200, 10, 28)
    relief -= 7 * blob(300, 100, 7, 36) + 7 * blob(236, 125, 9, 40) + 6 * blob(133, 150, 9, 34)
    down, right = np.gradient(relief)
    normal = np.stack([-right, -down, np.full_like(right, 1.1)], -1)
    normal /= np.linalg.norm(normal, axis=-1, keepdims=True)
    lit = (normal @ [-0.38, -0.72, 0.58]).clip(0)
    shine = (normal @ [-0.22, -0.62, 0.75]).clip(0) ** 14

    # The coat of a bay: brown, the legs and the muzzle black, the legs of the far side in shade
    black = paint(30, 24, 22)
    legs = step(v + 3 * noise(8), 222, 262)
    coat = over(paint(128, 70, 34), paint(165, 98, 52), 0.5 * step(noise(22, 12), -1, 1.5))
    coat = over(coat, black, 0.9 * legs)
    coat = over(coat, black, 0.85 * step(u * 0.5 + v * 0.85, 254, 272) * (u > 330))
    coat = over(coat, paint(96, 52, 28), 0.5 * step(v, 150, 185) * (1 - legs))
    far_side = step(v, 175, 205) * ((u > 87) & (u < 150)) + step(v, 190, 250) * ((u > 235) & (u < 266 - 0.02 * v))
    coat *= (1 - 0.45 * soft(far_side, 1.5))[..., None]
    body = coat * ((0.34 + 0.86 * lit) * (1 + 0.05 * noise((1, 4), (0.7, 2))))[..., None]
    body += shine[..., None] * [62, 53, 43] + normal[..., 1:2].clip(0) * [6, 10, 3]  # sky on the back, grass under the belly

    # Mane, forelock and tail in strands; eye, nostril and hoofs
    strands = noise((9, 0.8), (14, 1.6))
    from_crest = v - v[np.argmax(outline > 0.5, axis=0), 0]
    hair = step(-from_crest + 5 * strands, -34, -20) * step(u, 240, 262) * (1 - step(u, 344, 350)) * (v < 100)
    hair = np.maximum(hair, blob(361, 27, 5, 13) > 0.4)
    hair = np.maximum(hair, (1 - step(u + 0.02 * v, 54, 60)) * (v > 84) * (v < 262))
    hair = np.maximum(hair, (1 - step(u + 0.9 * (v - 88), 50, 66)) * (v < 120))
    body = over(body, paint(38, 28, 24) * (0.65 + 0.4 * strands + 0.8 * lit)[..., None], soft(hair, 1.0))
    body = over(body, paint(14, 10, 10), step(blob(357, 48, 3.6, 2.7), 0.3, 0.6))
    body = over(body, paint(150, 155, 160), step(blob(356.2, 47, 1, 0.8), 0.4, 0.7))
    body = over(body, paint(12, 9, 9), 0.8 * step(blob(381, 84, 3.2, 2.2), 0.3, 0.7))
    body = over(body, paint(74, 66, 58), 0.6 * step(v, 298, 302))

    # Its shadow, the hoofs among the blades, and the lens
    shadow = sum(np.exp(-(((u - at) / length) ** 2 + ((v - 306) / 7) ** 2) ** 1.5) for at, length in ((150, 150), (75, 50), (275, 45)))
    picture *= (1 - 0.55 * soft(shadow, 3).clip(0, 1))[..., None]
    picture = over(picture, body, soft(outline, 0.8) * (1 - 0.9 * step(v + 5 * noise((6, 0.9), (4, 0.7)), 299, 316)))
    picture = picture * (1.03 - 0.25 * ((x - 0.5) ** 2 + (y - 0.5) ** 2))[..., None] + 1.8 * noise(0.8)[..., None]
    return Image.fromarray(picture.clip(0, 255).astype(np.uint8)).resize((size, size), Image.LANCZOS)


def with_rider(horse: Image.Image) -> Image.Image:
    """A picture by `painted_horse` with somebody in the saddle: red jacket, pale trousers, black boots and helmet, lit from the upper left as the horse is."""
    from scipy import ndimage
    picture = np.asarray(horse.resize((512, 512), Image.LANCZOS), float)
    parts = [((52, 36, 30), [(196, 204), (206, 196), (262, 200), (270, 212), (258, 232), (212, 232)]),  # saddle
             ((205, 190, 160), [(212, 186), (248, 184), (278, 236), (284, 256), (266, 262), (244, 232), (214, 208)]),  # thigh
             ((24, 22, 24), [(266, 250), (286, 250), (290, 312), (306, 322), (304, 330), (276, 328), (272, 312)]),  # boot
             ((160, 36, 34), [(214, 192), (212, 150), (222, 116), (238, 106), (252, 112), (258, 140), (252, 190)]),  # jacket
             ((140, 28, 28), [(236, 122), (252, 120), (268, 158), (302, 170), (300, 182), (262, 172)]),  # arm
             ((206, 158, 130), [(298, 168), (312, 168), (312, 182), (298, 184)]),  # hand
             ((212, 166, 138), [(238, 74), (262, 74), (264, 92), (256, 106), (240, 108)]),  # face
             ((26, 26, 30), [(230, 88), (232, 66), (248, 56), (264, 64), (272, 80), (242, 82), (240, 92)])]  # helmet
    for colour, corners in parts:
        mask = Image.new("L", (512, 512))
        ImageDraw.Draw(mask).polygon(corners, fill=255)
        alpha = ndimage.gaussian_filter(np.asarray(mask, float) / 255, 1.2)
        down, right = np.gradient(ndimage.gaussian_filter(alpha, 6))
        shade = np.clip(0.95 + 9 * (right * 0.5 + down * 0.85), 0.45, 1.4)  # the edges that face the light are brighter
        picture += (np.array(colour) * shade[..., None] - picture) * ndimage.gaussian_filter(alpha, 0.6)[..., None]
    reins = Image.new("L", (512, 512))
    ImageDraw.Draw(reins).line([(308, 176), (370, 168), (436, 206)], fill=200, width=3)
    picture -= picture * 0.8 * (np.asarray(reins, float) / 255)[..., None]
    return Image.fromarray(picture.clip(0, 255).astype(np.uint8)).resize(horse.size, Image.LANCZOS)
