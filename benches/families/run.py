#!/usr/bin/env python3
"""Speed and memory of each family at the size of a published model, as the table in docs/models.md.

    python3 benches/families/run.py FOVEA FOLDER [FAMILY…]

Makes a model with random weights in FOLDER: the configuration of tests/reference/families with the sizes of the published model named below.
Random weights cost as much time as trained ones. `fovea bench` then reads a text of 256 tokens with all attention kept; the table has the
median of at least five passes as tokens per second, and the largest resident memory of that process, in which the weights are. Models
of billions of weights are left out. Run it on an idle machine. Needs PyPI's torch and transformers.
"""
import argparse
import json
import pathlib
import shutil
import subprocess

import torch
from transformers import AutoConfig, AutoModel

ROOT = pathlib.Path(__file__).resolve().parents[2]
BASE = {"hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12, "intermediate_size": 3072, "max_position_embeddings": 514}
# Family: the case in tests/reference/families, the published model, its sizes.
SIZES = {
    "bert": ("bert", "BERT base", {**BASE, "vocab_size": 30522}),
    "roberta": ("roberta", "RoBERTa base", {**BASE, "vocab_size": 50265}),
    "xlm-roberta": ("xlm-roberta", "XLM-R base", {**BASE, "vocab_size": 250002}),
    "electra": ("electra", "ELECTRA base", {**BASE, "embedding_size": 768, "vocab_size": 30522}),
    "distilbert": ("distilbert", "DistilBERT", {"dim": 768, "n_layers": 6, "n_heads": 12, "hidden_dim": 3072, "vocab_size": 30522,
                                                "max_position_embeddings": 512}),
    "mpnet": ("mpnet", "all-mpnet-base-v2", {**BASE, "vocab_size": 30527}),
    "modernbert": ("modernbert", "ModernBERT base", {"hidden_size": 768, "num_hidden_layers": 22, "num_attention_heads": 12,
                                                     "intermediate_size": 1152, "vocab_size": 50368, "local_attention": 128,
                                                     "max_position_embeddings": 8192}),
    "nomic_bert": ("nomic-bert", "nomic-embed-text-v1.5", {**BASE, "head_dim": 64, "vocab_size": 30528, "max_position_embeddings": 2048}),
    "deberta-v2": ("deberta-v3", "DeBERTa v3 base", {**BASE, "vocab_size": 128100, "max_position_embeddings": 512, "position_buckets": 256}),
    "gpt2": ("gpt2", "GPT-2", {"n_embd": 768, "n_layer": 12, "n_head": 12, "n_inner": 3072, "n_positions": 1024, "vocab_size": 50257}),
    "gpt_neox": ("gpt-neox", "Pythia 160M", {**BASE, "vocab_size": 50304, "max_position_embeddings": 2048}),
    "llama": ("llama", "SmolLM2 135M", {"hidden_size": 576, "num_hidden_layers": 30, "num_attention_heads": 9, "num_key_value_heads": 3,
                                        "head_dim": 64, "intermediate_size": 1536, "vocab_size": 49152, "max_position_embeddings": 2048}),
    "qwen2": ("qwen2", "Qwen2.5 0.5B", {"hidden_size": 896, "num_hidden_layers": 24, "num_attention_heads": 14, "num_key_value_heads": 2,
                                        "intermediate_size": 4864, "vocab_size": 151936, "max_position_embeddings": 2048}),
    "qwen3": ("qwen3", "Qwen3 0.6B", {"hidden_size": 1024, "num_hidden_layers": 28, "num_attention_heads": 16, "num_key_value_heads": 8,
                                      "head_dim": 128, "intermediate_size": 3072, "vocab_size": 151936, "max_position_embeddings": 2048}),
    "gemma3_text": ("gemma3", "Gemma 3 270M", {"hidden_size": 640, "num_hidden_layers": 18, "num_attention_heads": 4, "num_key_value_heads": 1,
                                               "head_dim": 256, "intermediate_size": 2048, "vocab_size": 262144,
                                               "max_position_embeddings": 2048, "sliding_window": 512}),
    "t5": ("t5", "T5 small", {"d_model": 512, "num_layers": 6, "num_decoder_layers": 6, "num_heads": 8, "d_kv": 64, "d_ff": 2048,
                              "vocab_size": 32128}),
    "bart": ("bart", "BART base", {"d_model": 768, "encoder_layers": 6, "decoder_layers": 6, "encoder_attention_heads": 12,
                                   "decoder_attention_heads": 12, "encoder_ffn_dim": 3072, "decoder_ffn_dim": 3072, "vocab_size": 50265,
                                   "max_position_embeddings": 1024}),
    "marian": ("marian", "OPUS-MT", {"d_model": 512, "encoder_layers": 6, "decoder_layers": 6, "encoder_attention_heads": 8,
                                     "decoder_attention_heads": 8, "encoder_ffn_dim": 2048, "decoder_ffn_dim": 2048, "vocab_size": 58101,
                                     "decoder_vocab_size": 58101, "pad_token_id": 58100, "decoder_start_token_id": 58100,
                                     "max_position_embeddings": 512}),
}


def words(count):
    """A tokenizer with that many words; the passes are timed on ids."""
    vocabulary = {"[UNK]": 0, **{f"w{word}": word for word in range(1, count)}}
    return {"version": "1.0", "truncation": None, "padding": None, "added_tokens": [], "normalizer": None,
            "pre_tokenizer": {"type": "Whitespace"}, "post_processor": None, "decoder": None,
            "model": {"type": "WordLevel", "vocab": vocabulary, "unk_token": "[UNK]"}}


def make(folder, case, sizes):
    """A folder with random weights of these sizes."""
    config = json.loads((ROOT / "tests/reference/families" / case / "config.json").read_text())
    config.update(sizes)
    # Lists by layer follow from the number of layers.
    config.pop("layer_types", None)
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(config))
    torch.manual_seed(0)
    model = AutoModel.from_config(AutoConfig.from_pretrained(folder)).to(torch.bfloat16)
    model.save_pretrained(folder)
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "tokenizer.json").write_text(json.dumps(words(config["vocab_size"])))
    return sum(parameter.numel() for parameter in model.parameters())


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("program")
    arguments.add_argument("folder", type=pathlib.Path)
    arguments.add_argument("family", nargs="*", default=list(SIZES))
    given = arguments.parse_args()
    print("| `model_type` | at the size of | weights | tokens/s | memory |\n| --- | --- | --- | --- | --- |")
    for family in given.family:
        case, name, sizes = SIZES[family]
        folder = given.folder / family
        shutil.rmtree(folder, ignore_errors=True)
        weights = make(folder, case, sizes)
        command = ["/usr/bin/time", "-f", "%M", given.program, "bench", "--model", str(folder), "--shapes", "1x256", "--format", "json"]
        done = subprocess.run(command, capture_output=True, text=True)
        shutil.rmtree(folder)
        if done.returncode != 0:
            print(f"| `{family}` | {name} | {done.stderr.strip()} |", flush=True)
            continue
        speed = 256 / json.loads(done.stdout)["results"][0]["attention_ms"] * 1e3
        print(f"| `{family}` | {name} | {weights / 1e6:.0f} M | {speed:.0f} | {int(done.stderr.split()[-1]) / 1024:.0f} MB |", flush=True)
