"""The import rule: app -> demos -> models <- models.training, and only demos and app know gradio."""
import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
TABS = {"real_or_fake", "latent_sliders", "horse_zebra", "voice"}
FILES = [ROOT / "app.py", *sorted((ROOT / "demos").rglob("*.py")), *sorted((ROOT / "models").rglob("*.py"))]


def imported(path):
    """Full dotted names of everything a file imports, anywhere in it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_imports_point_one_way(path):
    names, inside = set(imported(path)), path.relative_to(ROOT).parts
    used = lambda module: any(name == module or name.startswith(module + ".") for name in names)
    if inside[0] == "models":
        assert not used("gradio") and not used("demos") and not used("app") and not used("spaces")
        if "training" not in inside:
            assert not used("models.training") and not used("argparse")
    else:
        assert not used("models.training")
    if inside[0] == "demos":
        assert not used("app")
        if path.stem in TABS:
            others = {f"demos.{tab}" for tab in TABS - {path.stem}}
            assert not names & others, "tabs never import each other"


@pytest.mark.parametrize("path", [p for p in FILES if p.name == "__init__.py"], ids=lambda p: p.parent.name)
def test_init_files_are_one_docstring(path):
    body = ast.parse(path.read_text()).body
    assert len(body) == 1 and isinstance(body[0], ast.Expr)
