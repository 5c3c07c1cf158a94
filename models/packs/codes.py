"""Every code of a ``PackError``, each declared once, with a message that it may come with."""

from __future__ import annotations

from collections.abc import Mapping

UNUSABLE: Mapping[str, str] = {
    "unknown_pack": "expected a pack of attributes, motion, svad, words; got 'gait'",
    "wrong_hash": "pack words: expected sha256 9f86 of image.onnx, got 2c26",
    "missing_file": "pack words: expected the file image.onnx, found none",
    "bad_manifest": "pack svad: expected JSON in manifest.json",
    "unknown_format": "pack svad: expected format 1 in manifest.json, got 2",
    "unknown_key": "pack svad: manifest.json: lens: expected only keys of the format, got one more",
    "program_too_old": "pack svad: expected a pack for watchword 0.1.0; the pack needs watchword 0.9.0 or newer",
    "bad_path": "pack svad: expected a plain path inside the pack, got '../secret'",
    "symlink": "pack svad: expected a file image.onnx, got a link",
    "unreadable": "pack svad: expected a readable folder, got PermissionError",
    "wrong_name": "pack svad: expected a pack in a folder of its name, got 'gait' in 'svad'",
    "wrong_size": "pack words: expected 1234 bytes in image.onnx, got 1200",
    "bad_arrays": "pack svad: expected the arrays centres in arrays.npz, got others",
    "wrong_shape": "pack svad: expected float32 of shape (40, 512) in centres, got (40, 256)",
    "bad_graph": "pack words: expected an ONNX graph in image.onnx, got none",
    "bad_phrases": "pack words: expected 300 phrases in bank.json, as the bank has; got 299",
    "bad_tokenizer": "pack words: expected a tokenizer in tokenizer.json, got none",
    "unknown_layout": "expected a layout of yolo, yolo_nms, yolox, got rcnn",
    "wrong_layout": "expected a graph of layout yolox, got one of none that is known",
}
"""Of a pack that does not verify or run: an example of the message, by code."""

REFUSED: Mapping[str, str] = {
    "pack_kind": "expected a pack of kind encoder, got 'motion' of kind detector",
    "name_taken": "expected a name of no built-in pack, got 'motion'",
    "built_in": "expected a pack that was added, got 'motion', which is built in",
    "in_use": "expected a pack that nothing uses, got 'words', which svad needs",
    "bad_input": "expected the weights of a network that is known, got others",
    "missing_extra": "expected the packages of an extra, got none: pip install 'watchword[train]'",
}
"""Of what is asked of a pack, or of the making of one, and cannot be done: an example of the message, by code."""

PACK_CODES: Mapping[str, str] = {**UNUSABLE, **REFUSED}
"""All of them."""
