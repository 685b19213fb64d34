"""
How the files beside this one were made: `python make.py FOLDER`, with torch 2.13.0 for the CPU.

torch itself loads all but `script.pt` with `torch.load(weights_only=True)`, and that one with `torch.jit.load`.
"""

import collections
import sys
from pathlib import Path

import torch

folder = Path(sys.argv[1])
torch.manual_seed(0)
layer = torch.nn.Linear(4, 3)
base = torch.arange(24.0)
many = {
    "whole": base,
    "view": base[3:9],
    "bf16": torch.ones(5, dtype=torch.bfloat16),
    "complex": torch.ones(3, dtype=torch.complex64),
    "bool": torch.ones(3, dtype=torch.bool),
    "parameter": torch.nn.Parameter(torch.ones(2)),
    "empty": torch.empty(0),
    "size": torch.Size([1, 2]),
    "dtype": torch.float16,
    "sparse": torch.eye(3).to_sparse(),
    "nested": {"x": [1, 2, (3, "y")]},
    "counter": collections.Counter("aab"),
    "bytes": b"abc",
    "set": {1, 2},
}
newer = {"float8": torch.ones(4).to(torch.float8_e4m3fn), "storage": torch.ones(3).untyped_storage()}
torch.save(layer.state_dict(), folder / "state.pt")
torch.save(layer.state_dict(), folder / "state_legacy.pt", _use_new_zipfile_serialization=False)
torch.save({**many, **newer}, folder / "many.pt")
torch.save(many, folder / "many_legacy.pt", _use_new_zipfile_serialization=False)
torch.jit.save(torch.jit.script(layer), folder / "script.pt")
