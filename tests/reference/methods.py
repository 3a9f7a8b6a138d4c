#!/usr/bin/env python3
"""Make methods.json: gradient x input, integrated gradients, leave-one-out and value zeroing as PyTorch's autograd and Captum have them.

    python3 tests/reference/methods.py F32_MODEL

F32_MODEL holds all-MiniLM-L6-v2 in f32 (tests/reference/fetch_model.sh). The other models are tests/fixtures/tiny-llama, a decoder with
rotary positions, grouped heads and gated blocks, and tests/fixtures/tiny-xlm-roberta, both with random weights. For each text methods.json
has the ids and a score per token:

- gradient: <x_j, dF/dx_j> / |e| with F(x) = <e / |e|, e(x)>, e(x) the pooled last hidden states, x the rows that the first layer gets. For a
  model that gives all texts much of the same vector, e / |e| and |e| are those of what e has beyond the embedding of an empty text;
- integrated: Captum's IntegratedGradients of F by the midpoint rule in 20 steps, over F(x) - F(x'), from the text whose tokens are [PAD]
  but for special ones; from rows of zeros where the vocabulary has neither [PAD] nor [UNK];
- deleted: 1 - cos(e(x), e(x without token j)), of all tokens;
- zeroed: value zeroing, each row of a layer over its sum, the layers multiplied, rows pooled.

In 64-bit floats: 1 - cosine of vectors that hardly turn is lost in 32.

Needs PyPI's torch, transformers and captum.
"""
import argparse
import json
import pathlib

import torch
from captum.attr import IntegratedGradients
from transformers import AutoModel, AutoTokenizer

ROOT = pathlib.Path(__file__).resolve().parents[1]
STEPS = 20
# Fovea explains what a text has beyond an empty one if these have a mean cosine of at least .5 with it.
PROBES = [
    "The river rose overnight and carried the old bridge away.",
    "def median(values): return sorted(values)[len(values) // 2]",
    "委员会否决了这个提案。",
]
CROWDED = 0.5
TEXTS = [
    "hello world", "What is Deep Learning?", "Carbs are broken down into sugar in your body",
    "Carbohydrates are metabolized into glucose", "The weather is lovely today.", "He drove to the stadium.",
    "def parse_http_config(self, *, timeout=3.0): return None", "naïve café — déjà vu",
    "The river rose overnight and carried the old bridge away.", "She sold her grandmother's violin to pay for the operation.",
    "Interest rates will stay where they are until inflation falls.", "A cookie keeps the session of a signed-in user.",
    "Penguins cannot fly but they swim faster than most fish.", "The committee rejected the proposal because of its cost.",
    "Add the flour slowly and stir until the dough is smooth.", "He missed the last train and walked home in the rain.",
    "fn median(values: &mut [f64]) -> f64 { values.sort_by(f64::total_cmp); values[values.len() / 2] }",
    "function debounce(callback, delay) { let timer; return () => clearTimeout(timer); }",
    "我爱编程 and hello world", "snake_case kebab-case",
]


class Encoder:
    """A model as a function of the rows that its first layer gets."""

    def __init__(self, folder, pooling):
        self.model = AutoModel.from_pretrained(folder, attn_implementation="eager").eval().double()
        self.tokenizer = AutoTokenizer.from_pretrained(folder)
        self.pooling = pooling
        # A cache would give a layer that runs again its own keys twice.
        self.plain = {"use_cache": False} if self.model.config.model_type == "llama" else {}
        self.layers = self.model.layers if hasattr(self.model, "layers") else self.model.encoder.layer
        named = [self.tokenizer.get_vocab().get(token) for token in ("[PAD]", "<pad>", "[UNK]", "<unk>")]
        self.blank = next((token for token in named if token is not None), None)

    def rows(self, ids):
        """What the first layer gets, (1, n, hidden)."""
        caught = []
        hook = self.layers[0].register_forward_pre_hook(
            lambda _, args, kwargs: caught.append(args[0] if args else kwargs["hidden_states"]), with_kwargs=True)
        # RoBERTa's positions would stop at padding: x' has those of the text.
        first = {"xlm-roberta": 2}.get(self.model.config.model_type, 0)
        with torch.no_grad():
            self.model(input_ids=ids, **self.plain, position_ids=torch.arange(ids.shape[1])[None] + first)
        hook.remove()
        return caught[0].detach()

    def hidden(self, ids, rows=None):
        """Last hidden states, (batch, n, hidden), with the first layer given other rows."""
        hook = None
        if rows is not None:
            def replace(_, args, kwargs):
                if args:
                    return (rows, *args[1:]), kwargs
                return args, {**kwargs, "hidden_states": rows}
            hook = self.layers[0].register_forward_pre_hook(replace, with_kwargs=True)
        ids = ids if rows is None else ids.expand(rows.shape[0], -1)
        out = self.model(input_ids=ids, **self.plain).last_hidden_state
        if hook is not None:
            hook.remove()
        return out

    def pool(self, hidden):
        return hidden[:, 0] if self.pooling == "cls" else hidden.mean(1)


def common(encoder):
    """The embedding of an empty text where the model is crowded, else zeros."""
    ids = [encoder.tokenizer(text, return_tensors="pt")["input_ids"] for text in ["", *PROBES]]
    if any(own.shape[1] == 0 for own in ids):
        return 0.0
    with torch.no_grad():
        nothing, *others = [encoder.pool(encoder.hidden(own.long()))[0] for own in ids]
    near = torch.stack([torch.nn.functional.cosine_similarity(nothing, other, dim=0) for other in others]).mean()
    return nothing if near >= CROWDED else 0.0


def value_projection(layer):
    return layer.self_attn.v_proj if hasattr(layer, "self_attn") else layer.attention.self.value


def zeroed(encoder, ids):
    """Value zeroing, rolled out and pooled."""
    n = ids.shape[1]
    states = []
    hooks = [layer.register_forward_hook(
        lambda _, args, kwargs, out: states.append(
            ((args, kwargs), (out[0] if isinstance(out, tuple) else out).detach())), with_kwargs=True)
        for layer in encoder.layers]
    with torch.no_grad():
        encoder.model(input_ids=ids, **encoder.plain)
    for hook in hooks:
        hook.remove()
    product = torch.eye(n, dtype=torch.double)
    for layer, ((args, kwargs), out) in zip(encoder.layers, states):
        matrix = torch.zeros(n, n, dtype=torch.double)
        for j in range(n):
            def erase(_, __, values, j=j):
                values = values.clone()
                values[:, j] = 0
                return values
            hook = value_projection(layer).register_forward_hook(erase)
            with torch.no_grad():
                changed = layer(*args, **kwargs)
            hook.remove()
            changed = changed[0] if isinstance(changed, tuple) else changed
            matrix[:, j] = 1 - torch.nn.functional.cosine_similarity(out.reshape(n, -1), changed.reshape(n, -1), dim=-1)
        matrix = matrix.clamp(min=0)
        product = matrix / matrix.sum(-1, keepdim=True) @ product
    return product[0] if encoder.pooling == "cls" else product.mean(0)


def explain(encoder, text):
    encoded = encoder.tokenizer(text, return_tensors="pt", return_special_tokens_mask=True)
    ids, special = encoded["input_ids"], encoded["special_tokens_mask"].bool()
    rows = encoder.rows(ids)
    with torch.no_grad():
        embedding = encoder.pool(encoder.hidden(ids))[0]
    beyond = embedding - common(encoder)
    direction = beyond / beyond.norm()
    target = lambda rows: encoder.pool(encoder.hidden(ids, rows)) @ direction

    leaf = rows.clone().requires_grad_()
    gradient, = torch.autograd.grad(target(leaf).sum(), leaf)
    if encoder.blank is None:
        blank = torch.where(special[..., None], rows, torch.zeros_like(rows))
    else:
        blank = encoder.rows(torch.where(special, ids, torch.full_like(ids, encoder.blank)))
    integrated = IntegratedGradients(target).attribute(rows, blank, n_steps=STEPS, method="riemann_middle")
    with torch.no_grad():
        gain = (target(rows) - target(blank)).item()
        rest = [torch.cat([ids[:, :j], ids[:, j + 1:]], 1) for j in range(ids.shape[1])]
        deleted = [1 - torch.nn.functional.cosine_similarity(encoder.pool(encoder.hidden(r))[0], embedding, dim=0)
                   for r in rest]
    listed = lambda values: [round(v, 7) for v in values.tolist()]
    return {
        "text": text, "ids": ids[0].tolist(),
        "gradient": listed((rows * gradient).sum(-1)[0] / beyond.norm()),
        "integrated": listed(integrated.sum(-1)[0] / gain),
        # How far the target moves from x' to x, as a part of its size: what integrated gradients are divided by.
        "gain": round(gain / embedding.norm().item(), 7),
        "deleted": listed(torch.stack(deleted)),
        "zeroed": listed(zeroed(encoder, ids)),
    }


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("model")
    given = arguments.parse_args()
    models = {
        "all-MiniLM-L6-v2": (given.model, "mean", TEXTS),
        "tiny-xlm-roberta": (ROOT / "fixtures/tiny-xlm-roberta", "cls", TEXTS[:6]),
        "tiny-llama": (ROOT / "fixtures/tiny-llama", "mean", TEXTS[:6]),
    }
    golden = {name: [explain(Encoder(folder, pooling), text) for text in texts]
              for name, (folder, pooling, texts) in models.items()}
    path = pathlib.Path(__file__).with_name("methods.json")
    path.write_text(json.dumps(golden, separators=(",", ":"), ensure_ascii=False) + "\n")
    print({name: len(texts) for name, texts in golden.items()}, path.stat().st_size, "bytes")
