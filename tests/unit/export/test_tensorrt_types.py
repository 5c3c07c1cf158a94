"""TensorRT cannot be installed where tests run, so its type stubs stand for its documentation."""

from __future__ import annotations

import ast
import inspect
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from support import fake_tensorrt

ROOT = Path(__file__).parents[3]
INSTALLED = Path(sysconfig.get_path("purelib"))
MODULES = ("export/tensorrt.py", "service/engine/tensorrt.py")
REPAIRS = {  # three lines of the stubs are no Python
    r"\bin: ": "in_: ",
    r"power: Weights = None, channel_axis: int\)": "power: Weights = None, channel_axis: int = 0)",
}


@pytest.fixture(scope="module")
def stubs(tmp_path_factory):
    if not (INSTALLED / "tensorrt_bindings" / "tensorrt.pyi").is_file():
        pytest.skip("needs tensorrt-stubs")
    folder = tmp_path_factory.mktemp("stubs")
    for package in ("tensorrt", "tensorrt_bindings"):
        shutil.copytree(INSTALLED / package, folder / package)
    file = folder / "tensorrt_bindings" / "tensorrt.pyi"
    text = file.read_text()
    for wrong, right in REPAIRS.items():
        text = re.sub(wrong, right, text)
    file.write_text(text)
    return folder


def test_every_call_of_tensorrt_is_one_that_its_stubs_know(stubs, tmp_path):
    wrong = tmp_path / "wrong.py"
    source = (ROOT / MODULES[1]).read_text()
    wrong.write_text(source.replace("execute_async_v3(int(self._stream))", "execute_async_v2(self.batches)"))
    options = ("--no-warn-unused-ignores", "--allow-untyped-calls", "--cache-dir", str(tmp_path / "cache"))
    done = subprocess.run(
        [sys.executable, "-m", "mypy", *options, *MODULES, str(wrong)],
        cwd=ROOT,
        env={**os.environ, "MYPYPATH": str(stubs)},
        capture_output=True,
        text=True,
        check=False,
    )
    # What it says of the stubs themselves is not our business.
    said = [line for line in done.stdout.splitlines() if ".pyi:" not in line and ": error:" in line]
    assert "execute_async_v2" in "".join(line for line in said if "wrong.py" in line), done.stdout + done.stderr
    assert [line for line in said if "wrong.py" not in line] == []


def test_the_fake_takes_what_the_stubs_say(stubs):
    known: dict[str, dict[str, list]] = {}
    for node in ast.parse((stubs / "tensorrt_bindings" / "tensorrt.pyi").read_text()).body:
        if isinstance(node, ast.ClassDef):
            methods = known.setdefault(node.name, {})
            for item in node.body:
                if isinstance(item, ast.FunctionDef):
                    methods.setdefault(item.name, []).append([argument.arg for argument in item.args.args])
    ours = {name: value for name, value in vars(fake_tensorrt).items() if name in known and isinstance(value, type)}
    assert len(ours) > 15
    for name, value in ours.items():
        for method, function in inspect.getmembers(value, inspect.isfunction):
            if not method.startswith("_") and method in vars(value):
                assert list(inspect.signature(function).parameters) in known[name].get(method, []), f"{name}.{method}"
