import zipfile

import pytest
from PIL import Image

from models.collection import PICTURES, Collection, gathered, held_back


@pytest.fixture
def folder(tmp_path):
    for name in ("horse/b.png", "horse/a.jpg", "zebra/c.PNG", "zebra/notes.txt"):
        (tmp_path / "set" / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8)).save(tmp_path / "set" / name, "PNG")
    with zipfile.ZipFile(tmp_path / "set.zip", "w") as archive:
        for file in sorted((tmp_path / "set").rglob("*.*")):
            archive.write(file, file.relative_to(tmp_path / "set"))
        archive.writestr("__MACOSX/horse/a.png", b"")
    return tmp_path


@pytest.mark.parametrize("kind", ["set", "set.zip"])
def test_folder_and_zip_read_alike(folder, kind):
    found = Collection(folder / kind, PICTURES)
    assert found.names == ["horse/a.jpg", "horse/b.png", "zebra/c.PNG"]
    assert found.below("zebra") == ["zebra/c.PNG"] and found.below("cow") == []
    with found.open("horse/a.jpg") as file:
        assert Image.open(file).size == (8, 8)


def test_several_are_gathered(folder):
    assert [name for name, _ in gathered([folder / "set", folder / "set.zip"], PICTURES, "horse")] == ["horse/a.jpg", "horse/b.png"] * 2
    assert len(gathered(folder / "set/horse", PICTURES, "horse")) == 2, "the folder itself may bear the name"
    assert len(gathered([folder / "set/horse", folder / "set/zebra"], PICTURES, "zebra")) == 1, "each may lie in a place of its own"
    with pytest.raises(ValueError, match="no folder cow/"):
        gathered(folder / "set", PICTURES, "cow")


def test_errors_are_sentences(folder):
    (folder / "broken.zip").write_bytes(b"PK\x03\x04 and no more")
    for path, said in ((folder / "none", "does not exist"), (folder / "broken.zip", "neither a folder nor a whole zip"), (folder / "set/zebra", r"\.wav file")):
        with pytest.raises(ValueError, match=said):
            Collection(path, PICTURES if said[0] != "\\" else (".wav",))


def test_held_back_is_a_stable_share():
    names = [f"Person_{i}" for i in range(4000)]
    kept = [name for name in names if held_back(name, 0.05)]
    assert 150 < len(kept) < 250
    assert kept[0] == "Person_10" or held_back(kept[0], 0.05)
    assert not held_back("Ada_Lovelace", 0.0) and held_back("Ada_Lovelace", 1.0)
