#!/usr/bin/env python3
"""Make golden.json: PyTorch's numbers for the f32 model, which tests/model/parity.rs compares with Fovea's.

    python3 tests/reference/golden.py MODEL_DIR [--full FILE]

MODEL_DIR is a folder with all-MiniLM-L6-v2 in f32 (tests/reference/fetch_model.sh). For 20 texts of 3 to 256 tokens, golden.json has the
ids, the pooled and normalized embedding, and SAMPLES entries of each layer's hidden states and of each head's attention map. A linear
congruential generator picks the entries (the test picks the same). --full writes all entries to a safetensors file, which
FOVEA_GOLDEN_FULL names for another test. Needs PyPI's torch and transformers.
"""
import argparse
import json
import pathlib

import torch
from safetensors.torch import save_file
from transformers import AutoModel, AutoTokenizer

SAMPLES = 24
PROSE = (
    "A language server answers questions about the open document. It reads every edit in the order in which the editor sent it, keeps "
    "an immutable snapshot of the text for each request, and never shows a result that was computed for another version. "
)
CODE = "fn load_config(path: &Path) -> Result<Config, Error> { let text = std::fs::read_to_string(path)?; toml::from_str(&text) } "
TEXTS = [
    "a", "Hello", "hello world", "What is Deep Learning?", "我爱编程", "naïve café — déjà vu", "👩‍🔬 emoji 🎉 test",
    "Carbs are broken down into sugar in your body", "Carbohydrates are metabolized into glucose",
    "The weather is lovely today.", "He drove to the stadium.", "def parse_http_config(self, *, timeout=3.0): return None",
    "    \t indented\r\n\r\nlines\rwith mixed ends", PROSE, PROSE * 2, PROSE * 4, CODE, CODE * 3, CODE * 5, (PROSE + CODE) * 6,
]


def picks(count, size):
    """The same indices as `picks` in tests/model/parity.rs."""
    state, out = 12345, []
    for _ in range(count):
        state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
        out.append((state >> 33) % size)
    return out


def sample(tensor):
    flat = tensor.flatten()
    return [round(flat[i].item(), 6) for i in picks(SAMPLES, flat.numel())]


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("model")
    arguments.add_argument("--full")
    arguments.add_argument("--output", type=pathlib.Path, default=pathlib.Path(__file__).with_name("golden.json"))
    arguments.add_argument("--texts", type=pathlib.Path, help="a JSON list of texts instead of the ones above")
    given = arguments.parse_args()
    tokenizer = AutoTokenizer.from_pretrained(given.model)
    model = AutoModel.from_pretrained(given.model, attn_implementation="eager").eval()
    texts = json.loads(given.texts.read_text()) if given.texts else TEXTS
    golden, full = [], {}
    for index, text in enumerate(texts):
        inputs = tokenizer(text, return_tensors="pt", truncation=True, max_length=256)
        with torch.no_grad():
            out = model(**inputs, output_attentions=True, output_hidden_states=True)
        hidden = [h[0] for h in out.hidden_states]  # (n, hidden) each, layers + 1
        attention = [a[0] for a in out.attentions]  # (heads, n, n) each
        embedding = torch.nn.functional.normalize(hidden[-1].mean(0), dim=0)
        golden.append({
            "text": text,
            "ids": inputs["input_ids"][0].tolist(),
            "embedding": [round(v, 6) for v in embedding.tolist()],
            "hidden": [sample(h) for h in hidden],
            "attention": [[sample(head) for head in layer] for layer in attention],
        })
        for layer, tensor in enumerate(hidden):
            full[f"{index}.hidden.{layer}"] = tensor.contiguous()
        for layer, tensor in enumerate(attention):
            full[f"{index}.attention.{layer}"] = tensor.contiguous()
    given.output.write_text(json.dumps(golden, separators=(",", ":"), ensure_ascii=False) + "\n")
    if given.full:
        save_file(full, given.full)
    print(f"{len(golden)} texts of {min(len(g['ids']) for g in golden)} to {max(len(g['ids']) for g in golden)} tokens")
