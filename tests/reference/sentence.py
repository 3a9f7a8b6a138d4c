#!/usr/bin/env python3
"""Make tests/fixtures/tiny-sentence: a sentence-transformers folder with every module that Fovea runs, with random weights.

    python3 tests/reference/sentence.py

golden.json names variants of the folder: files that replace its own, and the embeddings that SentenceTransformer.encode gives with them
(its own normalization off). Needs PyPI's torch and sentence-transformers 5.4 or later.
"""
import json
import pathlib
import shutil
import tempfile

import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.modules import Dense, Normalize, Transformer
from sentence_transformers.sentence_transformer.modules import Pooling
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

FOLDER = pathlib.Path(__file__).parent.parent / "fixtures" / "tiny-sentence"
TEXTS = ["hello world", "Hello World", "a b c d e f g h i j k l m n o p q r s t u v w x y z", "parse the config file"]
WORDS = ["hello", "world", "parse", "the", "config", "file", "read", "query", "doc", ":"]
ACTIVATIONS = {"Tanh": "torch.nn.modules.activation.Tanh", "Identity": "torch.nn.modules.linear.Identity", "ReLU": "torch.nn.modules.activation.ReLU", "GELU": "torch.nn.modules.activation.GELU"}


def tokenizer():
    letters = [chr(c) for c in range(97, 123)]
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters, *["##" + c for c in letters], *WORDS, "H", "W", "##H"]
    made = Tokenizer(models.WordPiece({p: i for i, p in enumerate(vocabulary)}, unk_token="[UNK]"))
    made.normalizer = normalizers.Sequence([normalizers.NFC()])
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.post_processor = processors.TemplateProcessing("[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    return PreTrainedTokenizerFast(tokenizer_object=made, unk_token="[UNK]", pad_token="[PAD]", cls_token="[CLS]", sep_token="[SEP]", mask_token="[MASK]")


def base():
    torch.manual_seed(3)
    fast = tokenizer()
    with tempfile.TemporaryDirectory() as bert:
        shape = dict(vocab_size=len(fast), hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32, max_position_embeddings=40, initializer_range=0.3)
        BertModel(BertConfig(**shape), add_pooling_layer=False).eval().save_pretrained(bert)
        fast.save_pretrained(bert)
        modules = [Transformer(bert), Pooling(16, pooling_mode="mean"), Dense(16, 12), Normalize(), Dense(12, 8, bias=False, activation_function=torch.nn.Identity()), Normalize()]
        with torch.no_grad():
            for dense in (modules[2], modules[4]):
                dense.linear.weight.normal_(0, 0.5)
        modules[2].linear.bias.data.normal_(0, 0.5)
        shutil.rmtree(FOLDER, ignore_errors=True)
        SentenceTransformer(modules=modules).save(str(FOLDER), create_model_card=False)


def variants():
    read = lambda name: json.loads((FOLDER / name).read_text())
    yield "as it is", {}
    for name, path in ACTIVATIONS.items():
        yield f"activation {name}", {"2_Dense/config.json": read("2_Dense/config.json") | {"activation_function": path}}
    for mode in ("mean", "cls", ["mean"], "max", "mean_sqrt_len_tokens", "weightedmean", "lasttoken"):
        yield f"pooling {mode}", {"1_Pooling/config.json": {"embedding_dimension": 16, "pooling_mode": mode, "include_prompt": True}}
    yield "pooling without a mode", {"1_Pooling/config.json": {"word_embedding_dimension": 16}}
    yield "model_max_length", {"sentence_bert_config.json": {}, "tokenizer_config.json": read("tokenizer_config.json") | {"model_max_length": 9}}
    yield "max_seq_length beats model_max_length", {"sentence_bert_config.json": {"max_seq_length": 12}, "tokenizer_config.json": read("tokenizer_config.json") | {"model_max_length": 9}}
    yield "do_lower_case", {"sentence_bert_config.json": {"do_lower_case": True}}
    yield "default prompt", {"config_sentence_transformers.json": {"prompts": {"query": "query: ", "doc": "doc: "}, "default_prompt_name": "doc"}}
    yield "default prompt left out of the pooling", {"config_sentence_transformers.json": {"prompts": {"doc": "doc: "}, "default_prompt_name": "doc"}, "1_Pooling/config.json": {"embedding_dimension": 16, "pooling_mode": "mean", "include_prompt": False}}
    modules = read("modules.json")
    legacy = [m | {"type": "sentence_transformers.models." + m["type"].rsplit(".", 1)[1]} for m in modules]
    yield "names of modules before version 5", {"modules.json": legacy}
    yield "one dense layer, not normalized", {"modules.json": modules[:3]}
    yield "no dense layer", {"modules.json": modules[:2]}
    yield "pooling elsewhere", {"modules.json": [modules[0], modules[1] | {"path": "pool"}], "pool/config.json": {"embedding_dimension": 16, "pooling_mode": "cls", "include_prompt": True}}


def main():
    base()
    golden = []
    for name, files in variants():
        with tempfile.TemporaryDirectory() as copy:
            shutil.copytree(FOLDER, copy, dirs_exist_ok=True)
            for path, content in files.items():
                target = pathlib.Path(copy) / path
                target.parent.mkdir(exist_ok=True)
                target.write_text(json.dumps(content))
            model = SentenceTransformer(copy, device="cpu")
            of = lambda found: [[round(v, 6) for v in row] for row in found.tolist()]
            golden.append({"name": name, "files": {path: json.dumps(content) for path, content in files.items()}, "plain": of(model.encode(TEXTS)), "query": of(model.encode_query(TEXTS)), "document": of(model.encode_document(TEXTS))})
    (FOLDER / "golden.json").write_text(json.dumps({"texts": TEXTS, "variants": golden}, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
