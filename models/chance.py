"""How far chance alone may carry a score."""
import math


def wilson(right: int, of: int, z: float = 1.96) -> tuple[float, float]:
    """95 % interval of a share (Wilson 1927). ValueError where nothing was counted."""
    if not of:
        raise ValueError("Of no answers there is no share.")
    centre, spread = right / of + z * z / (2 * of), z * math.sqrt(right / of * (1 - right / of) / of + z * z / (4 * of * of))
    return (centre - spread) / (1 + z * z / of), (centre + spread) / (1 + z * z / of)


def by_guessing(right: int, of: int) -> float:
    """Probability that tossing a coin gets at least `right` of `of` right."""
    return sum(math.comb(of, k) for k in range(right, of + 1)) / 2 ** of
