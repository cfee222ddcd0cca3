"""Fit the face atlas to a trained face VAE: readouts of attributes, what the latents have to do with them, directions, a prior of many bells.

    python -m models.training.atlas --data lfw_faces.zip --labels folder --vae checkpoints/face_vae.safetensors

`--data` holds photos as <Person>/<photo>, 5 % of the people are kept back; `--labels` holds SMILE_list.txt and NON-SMILE_list.txt.
Every fit is in closed form but the mixture's, which is found by expectation and maximisation: some minutes on one core.
"""
import argparse
import dataclasses
import json
import time
from collections import Counter
from pathlib import Path, PurePosixPath

import torch
from sklearn.mixture import GaussianMixture

from models import attributes, checkpoint, pictures
from models.atlas import FaceAtlas
from models.collection import held_back
from models.device import pick_device
from models.training import data
from models.training.loop import code_commit, hardware
from models.vae import VAE

OF_ONE_PERSON = 2  # photos at most: one person has more than 500
SHRINK = (0.01, 0.03, 0.1, 0.3, 1.0)  # ridge penalties tried, in squared grey levels of -1..1
COMPONENTS = (1, 2, 4, 8)  # of the mixture, tried
STRIDES = (-2, -1, 0, 1, 2)  # of the sheets, in standard deviations of the attribute
WORDS = ("Measured on photos of public figures, most of them men, in press light: what counts as much or little of an attribute is relative to them. "
         "Readouts are linear in the grey picture, so they can be misled by hats, hands and shadows; they describe pictures and judge nobody.")


class Faces:
    """Photos (N, 3, S, S) in bytes with their names. What is computed of them stands in this order: the N photos, then their mirror images."""

    def __init__(self, names, stored):
        self.names, self.stored = names, stored

    def __len__(self):
        return 2 * len(self.names)

    def batches(self, size=64):
        """(B, 3, S, S) in -1..1."""
        for side in (self.stored, self.stored.flip(3)):
            for some in side.split(size):
                yield data.as_floats(some)

    def through(self, function):
        """A function's answers to all batches, one after the other."""
        return torch.cat([function(x) for x in self.batches()])


def split(names, stored):
    """Faces to fit to, at most OF_ONE_PERSON of each, and faces of people kept back."""
    people = [PurePosixPath(name).parent.name for name in names]
    seen, kept, fitted = Counter(), [], []
    for i, person in enumerate(people):
        seen[person] += 1
        if held_back(person, 0.05):
            kept.append(i)
        elif seen[person] <= OF_ONE_PERSON:
            fitted.append(i)
    return [Faces([names[i] for i in chosen], stored[chosen]) for chosen in (fitted, kept)]


# -- attributes ----------------------------------------------------------------------------------------------------------

def measured(faces, patches, labels):
    """What the formulas say of the faces, and the labels of smiles where there is no formula: (N, A), NaN for faces that are not listed."""
    listed = torch.tensor([labels.get(PurePosixPath(name).stem, float("nan")) for name in faces.names]).repeat(2)

    def of(x):
        seen = attributes.look(x, patches)
        return torch.stack([a.measure(seen) if a.measure else torch.full((len(x),), torch.nan) for a in attributes.ATTRIBUTES], 1)
    found = faces.through(of)
    return torch.where(torch.tensor([a.measure is None for a in attributes.ATTRIBUTES]), listed[:, None], found)


def read_labels(folder) -> dict:
    """{name without ending: 1.0 or 0.0} of the two lists of smiles. ValueError where one is missing."""
    found = {}
    for file, value in (("SMILE_list.txt", 1.0), ("NON-SMILE_list.txt", 0.0)):
        try:
            lines = (Path(folder) / file).read_text().split()
        except OSError as error:
            raise ValueError(f"{file} is not in {folder}: give --labels the folder of the lists of smiling and other photos.") from error
        found.update({PurePosixPath(line).stem: value for line in lines})
    return found


def ridge(x, y, shrinks):
    """For each penalty: weight (P, J) and bias (J) of the linear map x (N, P) -> y (N, J) of least mean squared error + penalty * squared weight."""
    middle, level = x.mean(0), y.mean(0)
    square, product = (x - middle).T @ (x - middle) / len(x), (x - middle).T @ (y - level) / len(x)
    for shrink in shrinks:
        weight = torch.linalg.solve(square + shrink * torch.eye(x.shape[1]), product)
        yield weight, level - middle @ weight


def pearson(a, b):
    """Correlation of the columns of (N, I) and (N, J), (I, J)."""
    a, b = ((t - t.mean(0)) / (t - t.mean(0)).norm(dim=0).clamp_min(1e-9) for t in (a, b))
    return a.T @ b


def readouts(x, y):
    """Linear maps of grey pictures x (N, P) to columns of y (N, A) where known: weight (A, P) and bias (A), answers of mean 0 and deviation 1 over all x.

    The penalty of each is the one that predicts the last fifth of the faces best from the others; faces stand in the order of people's names.
    """
    weight, bias = torch.zeros(y.shape[1], x.shape[1]), torch.zeros(y.shape[1])
    groups = {}  # attributes that are fitted to the same pictures share their sums
    for j, attribute in enumerate(attributes.ATTRIBUTES):
        groups.setdefault((attribute.measure is None, attribute.shape), []).append(j)
    for (_, shape), group in groups.items():
        known = ~y[:, group[0]].isnan()
        seen, wanted = x[known], y[known][:, group]
        lit = relit(seen) if shape else seen
        early = (torch.arange(len(seen)) % (len(seen) // 2)) < 0.8 * (len(seen) // 2)
        right = torch.stack([pearson(seen[~early] @ w + b, wanted[~early]).diagonal() for w, b in ridge(lit[early], wanted[early], SHRINK)])
        fitted = [w for w, _ in ridge(lit, wanted, SHRINK)]
        for i, j in enumerate(group):
            answers = x @ fitted[right[:, i].argmax()][:, i]
            weight[j], bias[j] = fitted[right[:, i].argmax()][:, i] / answers.std(), -answers.mean() / answers.std()
    return weight, bias


def relit(x):
    """Grey pictures (N, P) and their mirror images, as `Faces` orders them, under a light of their own: from any side, soft or hard, weak or strong."""
    across = round(x.shape[1] ** 0.5)
    photos, side = x[:len(x) // 2].unflatten(1, (across, across)), torch.linspace(-1, 1, across)
    hardness = torch.tensor([1.0, 4.0])[torch.randint(2, (len(photos), 1))]
    shade = torch.tanh(hardness * side) / torch.tanh(hardness)
    one, two, three = (torch.randn(len(photos), 1, 1) * deviation for deviation in (0.35, 0.2, 0.15))
    photos = ((photos + 1) * (one * shade[:, None, :] + two * side[:, None] + three).exp() - 1).clamp(-1, 1)
    return torch.cat([photos, photos.flip(2)]).flatten(1)


def notes_on(kept_answers, kept_measures):
    """For each attribute its words and, on people kept back, r of readout against measure, and n photos; of labels also the share told rightly."""
    notes = []
    for j, attribute in enumerate(attributes.ATTRIBUTES):
        known = ~kept_measures[:, j].isnan()
        answer, measure = kept_answers[known, j], kept_measures[known, j]
        note = {key: getattr(attribute, key) for key in ("key", "label", "low", "high", "how")}
        note |= {"r": round(pearson(answer[:, None], measure[:, None]).item(), 3), "n": len(answer) // 2}
        if attribute.measure is None:
            note["told rightly"] = round(((answer > 0) == (measure > 0.5)).float().mean().item(), 3)
        notes.append(note)
    return notes


# -- latents -------------------------------------------------------------------------------------------------------------

def encodings(net, measure, faces):
    """Of every face: mean and deviation (N, Z), and of what the mean decodes to the squared error summed over the picture (N,), and readouts (N, A)."""
    def of(x):
        mean, log_variance = net.encode(x)
        rec = net.decode(mean).clamp(-1, 1)
        return torch.cat([mean, (log_variance / 2).exp(), ((rec - x) ** 2).sum((1, 2, 3))[:, None], measure(rec)], 1)
    mean, deviation, error, answers = faces.through(of).split([net.config.latents, net.config.latents, 1, len(attributes.ATTRIBUTES)], 1)
    return mean, deviation, error[:, 0], answers


def correlations(mean, measures):
    """Pearson r of each latent's mean with each attribute's measure, over the faces where that is known: (Z, A)."""
    columns = []
    for measure in measures.T:
        known = ~measure.isnan()
        columns.append(pearson(mean[known], measure[known, None]))
    return torch.cat(columns, 1)


def directions(z, measures, answers):
    """Encodings (N, Z), measures (N, A) and readouts of what the encodings decode to (N, A) -> natural and still (A, Z).

    Natural is the way Cov(z, measure k), along which the mean encoding goes with the measure; still is what is left of it when the likeliest changes of z
    that move the other readouts are taken off. W being the least squares map of z to the readouts, both are as long as moves readout k by 1.
    """
    along = (z - z.mean(0)).T @ (measures - measures.mean(0)) / len(z)
    spread = (z - z.mean(0)).T @ (z - z.mean(0)) / len(z)
    weight, _ = next(ridge(z, answers, [1e-3]))
    still = []
    for k in range(len(along.T)):
        others = weight[:, torch.arange(weight.shape[1]) != k]
        still.append(along[:, k] - spread @ others @ torch.linalg.solve(others.T @ spread @ others, others.T @ along[:, k]))
    return tuple(way / (way * weight.T).sum(1, keepdim=True) for way in (along.T, torch.stack(still)))


def moved(net, atlas, z, change):
    """How far the readouts of the decoded pictures move by one step along each direction, (A, A): row the direction, column the readout."""
    def answers(at):
        return torch.cat([atlas.measure(net.decode(some)) for some in at.split(64)]).mean(0)
    return torch.stack([(answers(z + step / 2) - answers(z - step / 2)) for step in change])


def mixture(z, kept, components, seed):
    """The mixture of Gaussians that gives the encodings kept back (N, Z) the highest mean log density, and that density for each number of components."""
    tried = {}
    for count in components:
        found = GaussianMixture(count, reg_covar=1e-3, random_state=seed, max_iter=60).fit(z.numpy())
        tried[count] = (found.score(kept.numpy()), found)
    best = max(tried, key=lambda count: tried[count][0])
    return tried[best][1], {str(count): round(float(score), 2) for count, (score, _) in tried.items()}


# -- sheets --------------------------------------------------------------------------------------------------------------

def extremes(faces, answers, count=12):
    """A sheet of the faces with the lowest values (N,) above those with the highest."""
    order = answers[:len(faces.names)].argsort()
    return pictures.sheet(data.as_floats(faces.stored[torch.cat([order[:count], order[-count:]])]), count)


def strides(net, at, natural, still):
    """A sheet of faces (B, Z) moved by -2 to 2 along a direction: the natural way and, right of it, with the others kept still."""
    z = torch.stack([face + step * way for face in at for way in (natural, still) for step in STRIDES])
    return pictures.sheet(net.decode(z), 2 * len(STRIDES))


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--data", nargs="+", metavar="PATH", help="folders or zip files of photos")
    parser.add_argument("--labels", type=Path, help="folder of SMILE_list.txt and NON-SMILE_list.txt")
    parser.add_argument("--vae", type=Path, default=Path("checkpoints/face_vae.safetensors"))
    parser.add_argument("--out", type=Path, default=Path("runs"), help="folder for the atlas, its card and sheets to look at")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--spread", type=float, default=1.2, help="width of the mixture's Gaussians when faces are drawn, against the fitted one; choose it by the distance of --samples")
    parser.add_argument("--samples", type=int, default=0, help="write so many faces from N(0, I) and from the mixture, as PNG, to measure them")
    parser.add_argument("--measured", type=json.loads, default={}, help="JSON of figures measured elsewhere, for the card")
    parser.add_argument("--words", default=WORDS, help="sentences for the card")
    parser.add_argument("--dry-run", action="store_true", help="fit to a tiny random network and synthetic photos")
    choices = parser.parse_args(arguments)
    started = time.monotonic()
    torch.manual_seed(choices.seed)
    fit(choices, started)


@torch.no_grad()
def fit(choices, started):
    if choices.dry_run:
        net = VAE(VAE.Config(size=32, latents=8, width=8)).eval()
        names = [f"{person}/{person}_{i:04d}.webp" for person in map(str, range(60)) for i in range(2)]
        stored = (torch.rand(len(names), 3, 1, 1) * 255 * torch.rand(len(names), 3, 32, 32)).byte()
        labels, components, size = {PurePosixPath(name).stem: float(i % 2) for i, name in enumerate(names)}, (1, 2), 8
    else:
        net, labels, components, size = checkpoint.load(choices.vae, VAE), read_labels(choices.labels), COMPONENTS, 48
        names, stored = data.pictures(choices.data, net.config.size)
    faces, kept = split(names, stored)

    # What the formulas and labels say, and linear readouts of it.
    patches = attributes.patches(sum(x.sum(0) for x in faces.batches()) / len(faces))
    measures, kept_measures = measured(faces, patches, labels), measured(kept, patches, labels)
    greys = faces.through(lambda x: attributes.grey(x, size).flatten(1))
    weight, bias = readouts(greys, measures)
    notes = notes_on(kept.through(lambda x: attributes.grey(x, size).flatten(1)) @ weight.T + bias, kept_measures)

    # What the latents have to do with it, and the prior that they follow.
    atlas = FaceAtlas(FaceAtlas.Config(net.config.latents, tuple(a.key for a in attributes.ATTRIBUTES), 1, size, choices.spread))
    atlas.readout_weight, atlas.readout_bias = weight, bias
    mean, deviation, error, moving = encodings(net, atlas.measure, faces)
    kept_mean, kept_deviation, _, _ = encodings(net, atlas.measure, kept)
    answers = greys @ weight.T + bias
    everywhere = torch.where(measures.isnan().any(0), answers, measures)  # where most labels are missing the readout speaks for all
    natural, still = directions(mean, everywhere, moving)
    prior, likelihoods = mixture(*(m + d * torch.randn_like(m) for m, d in ((mean, deviation), (kept_mean, kept_deviation))), components, choices.seed)

    atlas = FaceAtlas(dataclasses.replace(atlas.config, components=prior.n_components))
    found = {"readout_weight": weight, "readout_bias": bias, "correlation": correlations(mean, measures), "natural": natural, "still": still,
             "prior_weight": torch.tensor(prior.weights_), "prior_mean": torch.tensor(prior.means_), "prior_scale": torch.linalg.cholesky(torch.tensor(prior.covariances_))}
    atlas.load_state_dict({**atlas.state_dict(), **found})
    percent = torch.linspace(0, 1, 101)
    atlas.error_quantiles, atlas.density_quantiles = error.quantile(percent), atlas.log_density(mean).quantile(percent)

    # What it leaves behind.
    sheets = choices.out / "samples"
    sheets.mkdir(parents=True, exist_ok=True)
    seen = torch.cat([torch.zeros(1, net.config.latents), kept_mean[:3]])
    for k, attribute in enumerate(attributes.ATTRIBUTES):
        extremes(faces, measures[:, k]).save(sheets / f"measure_{attribute.key}.png")
        extremes(faces, answers[:, k]).save(sheets / f"readout_{attribute.key}.png")
        strides(net, seen, natural[k], still[k]).save(sheets / f"direction_{attribute.key}.png")
    drawn = {"normal": torch.randn(max(12, choices.samples), net.config.latents, generator=torch.Generator().manual_seed(choices.seed)),
             "mixture": atlas.sample(max(12, choices.samples), choices.seed)}
    for name, z in drawn.items():
        pictures.sheet(net.decode(z[:60]), 12).save(sheets / f"{name}.png")
        (choices.out / name).mkdir(exist_ok=True)
        for i, one in enumerate(z[:choices.samples]):
            pictures.to_picture(net.decode(one[None])).save(choices.out / name / f"{i:04d}.png")
    ways = {name: [[round(v, 3) for v in row] for row in moved(net, atlas, kept_mean, way).tolist()] for name, way in (("natural", natural), ("still", still))}
    strongest = torch.tensor(net.facts["kl_per_latent"]).argsort(descending=True)[:12].tolist() if not choices.dry_run else range(8)
    names_found = atlas.names()
    facts = {"words": choices.words, "data": data.FACES, "fitted on": f"{len(faces.names)} photos and their mirror images, at most {OF_ONE_PERSON} of a person",
             "kept back": f"{len(kept.names)} photos: 5 % of the people, by hash of the name", "attributes": notes, "moved": ways,
             "strongest latents": {str(i): names_found[i] and [names_found[i][0], round(names_found[i][1], 2)] for i in strongest},
             "held-back log likelihood by components": likelihoods, **choices.measured,
             "seed": choices.seed, "hours": round((time.monotonic() - started) / 3600, 3), "hardware": hardware(pick_device("cpu")), "code": code_commit()}
    checkpoint.save(choices.out / "face_atlas.safetensors", atlas, {"size": net.config.size, "range": [-1, 1], "crop": data.FACE_CROP}, facts)
    for note in notes:
        print({k: v for k, v in note.items() if k in ("key", "r", "n", "told rightly")})
    print(json.dumps({k: facts[k] for k in ("moved", "strongest latents", "held-back log likelihood by components", "hours")}))


if __name__ == "__main__":
    main()
