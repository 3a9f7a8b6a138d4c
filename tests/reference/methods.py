#!/usr/bin/env python3
"""Make methods.json: scores of explanation methods by PyTorch's autograd, Captum, SciPy and scikit-learn.

    python3 tests/reference/methods.py F32_MODEL

F32_MODEL holds all-MiniLM-L6-v2 in f32 (tests/reference/fetch_model.sh). The other models are tests/fixtures/tiny-llama, a decoder with
rotary positions, grouped heads and gated blocks, and tests/fixtures/tiny-xlm-roberta, both with random weights. For each text methods.json
has the ids and a score per token:

- gradient: <x_j, dF/dx_j> / |e| with F(x) = <e / |e|, e(x)>, e(x) the pooled last hidden states, x the rows that the first layer gets. For a
  model that gives all texts much of the same vector, e / |e| and |e| are those of what e has beyond the embedding of an empty text;
- integrated: Captum's IntegratedGradients of F by the midpoint rule in 20 steps, over F(x) - F(x'), from the text whose tokens are [PAD]
  but for special ones; from rows of zeros where the vocabulary has neither [PAD] nor [UNK];
- deleted: 1 - cos(e(x), e(x without token j)), of all tokens;
- zeroed: value zeroing, each row of a layer over its sum, the layers multiplied, rows pooled;
- smooth: the length of the mean gradient of F over 20 copies with normal noise of .15 times the root mean square of each row, over the sum
  of all tokens. The noise is drawn by SplitMix64 and Box and Muller's formula, from the seed 24;
- lime: coefficients of scikit-learn's Ridge on random deletions of tokens, weighted by the kernel of the LIME authors' program. Of texts
  whose tokens are not special;
- owen: means of marginal changes over all orders of the tokens in which the parts of a balanced tree stay together, over their sum. Of texts
  of one line without brackets and punctuation inside, of at most nine tokens: the tree is then the one that Fovea divides them by;
- globenc: norms behind both residual connections and both LayerNorms, the feed-forward output left out (Modarressi et al. 2022), rolled out
  and pooled. For a decoder that normalizes first there is no norm behind the block;
- flow: SciPy's maximum flow from each token through (A + I) / 2 to the pooled end, over the sum of all; capacities in parts of 10⁻⁹.

In 64-bit floats: 1 - cosine of vectors that hardly turn is lost in 32.

Needs PyPI's torch, transformers, captum and scikit-learn.
"""
import argparse
import json
import math
import pathlib

import numpy
import torch
from captum.attr import IntegratedGradients
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import maximum_flow
from sklearn.linear_model import Ridge
from transformers import AutoModel, AutoTokenizer

ROOT = pathlib.Path(__file__).resolve().parents[1]
STEPS = 20
# Fovea explains the difference to an empty text if these texts have a mean cosine of at least .5 with it.
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
    """A model as a function of the input rows of its first layer."""

    def __init__(self, folder, pooling):
        self.model = AutoModel.from_pretrained(folder, attn_implementation="eager").eval().double()
        self.tokenizer = AutoTokenizer.from_pretrained(folder)
        self.pooling = pooling
        # With a cache, a layer that runs again would see its keys twice.
        self.plain = {"use_cache": False} if self.model.config.model_type == "llama" else {}
        self.layers = self.model.layers if hasattr(self.model, "layers") else self.model.encoder.layer
        named = [self.tokenizer.get_vocab().get(token) for token in ("[PAD]", "<pad>", "[UNK]", "<unk>")]
        self.blank = next((token for token in named if token is not None), None)

    def rows(self, ids):
        """The input rows of the first layer, (1, n, hidden)."""
        caught = []
        hook = self.layers[0].register_forward_pre_hook(
            lambda _, args, kwargs: caught.append(args[0] if args else kwargs["hidden_states"]), with_kwargs=True)
        # RoBERTa's positions would stop at padding, so x' gets those of the text.
        first = {"xlm-roberta": 2}.get(self.model.config.model_type, 0)
        with torch.no_grad():
            self.model(input_ids=ids, **self.plain, position_ids=torch.arange(ids.shape[1])[None] + first)
        hook.remove()
        return caught[0].detach()

    def hidden(self, ids, rows=None):
        """The last hidden states, (batch, n, hidden), with other rows as the input of the first layer."""
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
    """The embedding of an empty text if the model gives similar vectors to all texts, else zeros."""
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


class SplitMix:
    """SplitMix64 (Steele, Lea & Flood 2014)."""

    MASK = 2**64 - 1

    def __init__(self, seed):
        self.state = seed

    def bits(self):
        self.state = (self.state + 0x9E3779B97F4A7C15) & self.MASK
        z = self.state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & self.MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & self.MASK
        return z ^ (z >> 31)

    def below(self, count):
        return (self.bits() * count) >> 64

    def unit(self):
        return (self.bits() >> 11) / 2**53

    def normal(self):
        radius, angle = 1 - self.unit(), self.unit()
        return math.sqrt(-2 * math.log(radius)) * math.cos(math.tau * angle)

    def shuffle(self, items):
        for last in range(len(items) - 1, 0, -1):
            other = self.below(last + 1)
            items[last], items[other] = items[other], items[last]


def smooth(rows, gradient_at):
    """SmoothGrad: lengths of the mean gradient, over their sum."""
    random = SplitMix(24)
    deviation = 0.15 * rows[0].pow(2).mean(-1).sqrt()
    mean = torch.zeros_like(rows)
    for _ in range(20):
        noise = torch.tensor([[random.normal() for _ in range(rows.shape[2])] for _ in range(rows.shape[1])], dtype=torch.double)
        mean += gradient_at(rows + (noise * deviation[:, None])[None]) / 20
    lengths = mean[0].norm(dim=-1)
    return lengths / lengths.sum()


def lime(count, value):
    """LIME's coefficients; value(kept) is the value of the text with only some of its tokens."""
    random = SplitMix(24)
    order, kept = list(range(count)), [[1] * count]
    for _ in range(1, min(max(5 * count, 100), 1000)):
        gone = 1 + random.below(count)
        random.shuffle(order)
        kept.append([int(token not in order[:gone]) for token in range(count)])
    data = numpy.array(kept, dtype=float)
    distance = 100 * (1 - numpy.sqrt(data.mean(1)))
    weights = numpy.sqrt(numpy.exp(-distance**2 / 25**2))
    return Ridge(alpha=1.0).fit(data, [value(tuple(row)) for row in kept], sample_weight=weights).coef_


def tree(first, end):
    """The balanced tree: each part is divided after its middle."""
    if end - first == 1:
        return first
    cut = first + (end - first - 1) // 2 + 1
    return tree(first, cut), tree(cut, end)


def orders(part):
    if isinstance(part, int):
        return [[part]]
    left, right = map(orders, part)
    return [order for a in left for b in right for order in (a + b, b + a)]


def owen(count, value):
    """Means of marginal changes over all orders that keep the parts of the tree together."""
    all_orders = orders(tree(0, count))
    values = numpy.zeros(count)
    for order in all_orders:
        kept = [0] * count
        before = value(tuple(kept))
        for token in order:
            kept[token] = 1
            after = value(tuple(kept))
            values[token] += (after - before) / len(all_orders)
            before = after
    return values


def globenc(encoder, ids):
    """Norms of each token's contribution to a layer's output, rolled out and pooled."""
    n, model = ids.shape[1], encoder.model
    config = model.config
    decoder = hasattr(model, "layers")
    states = []
    hooks = [layer.register_forward_pre_hook(
        lambda _, args, kwargs: states.append((args[0] if args else kwargs["hidden_states"])[0].detach()), with_kwargs=True)
        for layer in encoder.layers]
    with torch.no_grad():
        maps = model(input_ids=ids, **encoder.plain, output_attentions=True).attentions
    for hook in hooks:
        hook.remove()
    product = torch.eye(n, dtype=torch.double)
    heads = config.num_attention_heads
    for layer, x, attention in zip(encoder.layers, states, maps):
        with torch.no_grad():
            own = layer.input_layernorm(x) if decoder else x
            values = value_projection(layer)(own)
            output = layer.self_attn.o_proj if decoder else layer.attention.output.dense
            dim = output.weight.shape[1] // heads
            values = values.reshape(n, -1, dim)
            values = values.repeat_interleave(heads // values.shape[1], 1)  # (n, heads, dim)
            by_head = output.weight.reshape(config.hidden_size, heads, dim)
            brought = torch.einsum("hij,jhd,ohd->ijo", attention[0], values, by_head)
            parts = brought + torch.eye(n, dtype=torch.double)[..., None] * x[:, None]
            if not decoder:
                bias = output.bias
                norm1, norm2 = layer.attention.output.LayerNorm, layer.output.LayerNorm
                before = brought.sum(1) + bias + x
                after = norm1(before)
                behind = layer.output.dense(layer.intermediate(after)) + after
                for norm, whole in ((norm1, before), (norm2, behind)):
                    deviation = (whole.var(-1, unbiased=False) + norm.eps).sqrt()
                    parts = (parts - parts.mean(-1, keepdim=True)) / deviation[:, None, None] * norm.weight
        lengths = parts.norm(dim=-1)
        product = lengths / lengths.sum(-1, keepdim=True) @ product
    return product[0] if encoder.pooling == "cls" else product.mean(0)


def flow(encoder, ids):
    """Maximum flows from each token to the pooled output."""
    n = ids.shape[1]
    with torch.no_grad():
        maps = encoder.model(input_ids=ids, **encoder.plain, output_attentions=True).attentions
    end = (len(maps) + 1) * n
    edges = []
    for number, attention in enumerate(maps):
        half = (attention[0].mean(0) + torch.eye(n)) / 2
        edges += [(number * n + j, (number + 1) * n + i, half[i, j].item()) for i in range(n) for j in range(n)]
    weights = [float(i == 0) if encoder.pooling == "cls" else 1 / n for i in range(n)]
    edges += [(len(maps) * n + i, end, weight) for i, weight in enumerate(weights)]
    start, to, capacities = map(numpy.array, zip(*edges))
    graph = csr_matrix(((capacities * 1e9).round().astype(numpy.int32), (start, to)), shape=(end + 1, end + 1))
    flows = torch.tensor([maximum_flow(graph, j, end).flow_value for j in range(n)], dtype=torch.double)
    return flows / flows.sum()


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

    def gradient_at(rows):
        leaf = rows.clone().requires_grad_()
        return torch.autograd.grad(target(leaf).sum(), leaf)[0]

    places = [place for place, own in enumerate(special[0].tolist()) if not own]
    known = {}

    def value(kept):
        """The cosine of the whole text with a part of its tokens."""
        if kept not in known:
            gone = {place for place, stays in zip(places, kept) if not stays}
            left = [place for place in range(ids.shape[1]) if place not in gone]
            with torch.no_grad():
                rest = encoder.pool(encoder.hidden(ids[:, left]))[0] if left else None
            known[kept] = 0.0 if rest is None else torch.nn.functional.cosine_similarity(rest, embedding, dim=0).item()
        return known[kept]

    shares = lambda values: values / values.sum()
    even = len(places) <= 9 and text.replace(" ", "").isalnum() and text.isascii()
    return {
        "text": text, "ids": ids[0].tolist(),
        "gradient": listed((rows * gradient).sum(-1)[0] / beyond.norm()),
        "integrated": listed(integrated.sum(-1)[0] / gain),
        # The relative change of the target from x' to x, by which integrated gradients are divided.
        "gain": round(gain / embedding.norm().item(), 7),
        "deleted": listed(torch.stack(deleted)),
        "zeroed": listed(zeroed(encoder, ids)),
        "smooth": listed(smooth(rows, gradient_at)),
        "lime": listed(lime(len(places), value)),
        "owen": listed(shares(owen(len(places), value))) if even else [],
        "globenc": listed(globenc(encoder, ids)),
        "flow": listed(flow(encoder, ids)),
    }


if __name__ == "__main__":
    torch.set_num_threads(1)
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("model")
    given = arguments.parse_args()
    models = {
        "tiny-xlm-roberta": (ROOT / "fixtures/tiny-xlm-roberta", "cls", TEXTS[:6]),
        "tiny-llama": (ROOT / "fixtures/tiny-llama", "mean", TEXTS[:6]),
        "all-MiniLM-L6-v2": (given.model, "mean", TEXTS),
    }
    golden = {name: [explain(Encoder(folder, pooling), text) for text in texts]
              for name, (folder, pooling, texts) in models.items()}
    path = pathlib.Path(__file__).with_name("methods.json")
    path.write_text(json.dumps(golden, separators=(",", ":"), ensure_ascii=False) + "\n")
    print({name: len(texts) for name, texts in golden.items()}, path.stat().st_size, "bytes")
