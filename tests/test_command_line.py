import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def run(*arguments):
    return subprocess.run([sys.executable, "app.py", *arguments], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False,
                          env={**os.environ, "CUDA_VISIBLE_DEVICES": "", "HF_HUB_OFFLINE": "1"})


def test_help_names_every_option():
    done = run("--help")
    assert done.returncode == 0 and all(option in done.stdout for option in ("--host", "--port", "--share", "--device", "--data"))


def test_a_port_in_use_is_one_sentence():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = run("--port", str(taken.getsockname()[1]))
    assert done.returncode == 2 and done.stderr.strip().endswith("choose another with --port.") and "Traceback" not in done.stderr


@pytest.mark.parametrize("arguments, said", [(("--device", "cuda"), "No CUDA GPU"), (("--device", "abacus"), "no device abacus"),
                                             (("--data", "/nowhere/at/all"), "does not exist")])
def test_a_wrong_option_is_one_sentence(arguments, said):
    done = run(*arguments)
    assert done.returncode == 2 and said in done.stderr and "Traceback" not in done.stderr
