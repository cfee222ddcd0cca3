"""Fitting the atlas: a dry run leaves a file the app can load, and each fit finds what was put in."""

import pytest
import torch

from models import attributes, checkpoint
from models.atlas import FaceAtlas
from models.training import atlas


def test_a_dry_run_leaves_a_loadable_atlas_its_card_and_sheets(tmp_path):
    atlas.main(["--dry-run", "--out", str(tmp_path), "--samples", "2", "--measured", '{"frechet distance": {"normal": 2.5}}'])
    path = tmp_path / "face_atlas.safetensors"
    fitted = checkpoint.load(path, FaceAtlas)
    assert path.with_suffix(".md").read_text() == checkpoint.card(path) and fitted.facts["frechet distance"] == {"normal": 2.5}
    assert all(b.isfinite().all() and b.abs().sum() > 0 for b in fitted.state_dict().values())
    keys = [a.key for a in attributes.ATTRIBUTES]
    assert [note["key"] for note in fitted.facts["attributes"]] == keys and list(fitted.config.attributes) == keys
    assert all(len(fitted.facts["moved"][way]) == len(keys) for way in ("natural", "still"))
    assert len(list((tmp_path / "normal").glob("*.png"))) == len(list((tmp_path / "mixture").glob("*.png"))) == 2
    assert {f"direction_{key}.png" for key in keys} <= {p.name for p in (tmp_path / "samples").iterdir()}


def test_labels_are_read_and_their_absence_is_told(tmp_path):
    with pytest.raises(ValueError, match="SMILE_list.txt"):
        atlas.read_labels(tmp_path)
    (tmp_path / "SMILE_list.txt").write_text("A_B_0001.jpg\n")
    (tmp_path / "NON-SMILE_list.txt").write_text("C_D_0002.jpg\r\n")
    assert atlas.read_labels(tmp_path) == {"A_B_0001": 1.0, "C_D_0002": 0.0}


def test_people_kept_back_are_not_fitted_to_and_nobody_counts_too_often():
    names = [f"{person}/{i}.png" for person in range(200) for i in range(6)]
    faces, kept = atlas.split(names, torch.zeros(1200, 3, 4, 4, dtype=torch.uint8))
    fitted, held = ({name.split("/")[0] for name in some.names} for some in (faces, kept))
    assert not fitted & held and fitted | held == set(map(str, range(200))) and 2 <= len(held) <= 25
    assert len(faces.names) == atlas.OF_ONE_PERSON * len(fitted) and len(kept.names) == 6 * len(held)


def test_ridge_finds_a_linear_map():
    x = torch.randn(400, 6)
    weight, bias = next(atlas.ridge(x, x @ torch.arange(12.0).view(6, 2) + 3, [1e-6]))
    assert torch.allclose(weight, torch.arange(12.0).view(6, 2), atol=1e-3) and torch.allclose(bias, torch.tensor(3.0), atol=1e-3)


def test_still_directions_leave_the_other_attributes_alone():
    z = torch.randn(3000, 6) @ torch.randn(6, 6)
    readout = torch.randn(6, 3)
    measures = z @ readout + torch.randn(3000, 3)
    natural, still = atlas.directions(z, measures, z @ readout)
    assert torch.allclose(still @ readout, torch.eye(3), atol=1e-2)
    assert torch.allclose((natural @ readout).diagonal(), torch.ones(3), atol=1e-2)
    along = torch.cov(torch.cat([z, measures], 1).T)[:6, 6:]
    assert torch.allclose(torch.cosine_similarity(natural, along.T), torch.ones(3), atol=1e-3)


def test_the_mixture_has_as_many_bells_as_the_faces():
    centres = torch.tensor([[-4.0, 0], [4, 0]])
    found, scores = atlas.mixture(*(centres[torch.randint(2, (n,))] + torch.randn(n, 2) for n in (600, 200)), (1, 2), 0)
    assert found.n_components == 2 and scores["2"] > scores["1"]
