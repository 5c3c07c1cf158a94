"""Checkpoints of published architectures with random weights that answer as trained ones do."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from support.torch_vision import need_torchvision


def yolo_checkpoint(path: Path, architecture: str, classes: int = 80) -> Path:
    """A checkpoint as ultralytics writes it: the network itself, pickled, in half precision.

    A new network's activations fade to nothing and its scores are 0.00001 everywhere; here each layer is normalised by
    what noise makes of it. That enlarges rounding errors, which a trained network does not: wider scores than these
    bring torch's own float32 to 4e-4 from its float64.
    """
    need_torchvision()
    import torch
    from torch import nn

    os.environ.setdefault("YOLO_CONFIG_DIR", str(path.parent))
    from ultralytics.nn.tasks import DetectionModel

    torch.manual_seed(0)
    make: Any = DetectionModel  # without types
    network = make(f"{architecture}.yaml", ch=3, nc=classes, verbose=False)
    network.names = {index: f"thing {index}" for index in range(classes)}
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    usual = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = 1.0
    noise = torch.rand(4, 3, 256, 256)
    with torch.no_grad():
        network.train()(noise)
        for norm, momentum in zip(norms, usual, strict=True):
            norm.momentum = momentum
        network.eval()
        head = network.model[-1]
        kinds = [getattr(head, name, None) for name in ("cv2", "cv3", "one2one_cv2", "one2one_cv3")]
        last = [branch[-1] for branches in kinds for branch in branches or ()]
        spreads: dict[Any, torch.Tensor] = {}
        hooks = [
            layer.register_forward_hook(lambda layer, _, given: spreads.__setitem__(layer, given.std()))
            for layer in last
        ]
        for layer in last:
            nn.init.zeros_(layer.bias)
        network(noise)
        head.end2end = getattr(head, "one2one_cv3", None) is not None
        network(noise)
        head.end2end = False
        for hook in hooks:
            hook.remove()
        for layer, spread in spreads.items():
            layer.weight *= 0.1 / spread
        if head.reg_max == 1:
            # Distances from a box's middle to its sides as they come: of a trained network they are positive.
            for branches in (head.cv2, getattr(head, "one2one_cv2", ())):
                for branch in branches:
                    branch[-1].weight *= 0.01
                    branch[-1].bias += 1.0
    torch.save({"epoch": -1, "model": network.half(), "ema": None, "train_args": {"lr0": 0.01}}, path)
    return path


def clip_checkpoint(path: Path, model: str) -> Path:
    """The weights of new towers, as ``.safetensors``."""
    need_torchvision()
    import logging

    import open_clip
    import torch
    from safetensors.torch import save_file

    torch.manual_seed(0)
    logging.disable(logging.WARNING)  # it warns that they are random
    try:
        towers = open_clip.create_model(model, load_weights=False)
    finally:
        logging.disable(logging.NOTSET)
    save_file({name: weight.contiguous() for name, weight in towers.state_dict().items()}, path)
    return path
