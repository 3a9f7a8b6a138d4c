#!/usr/bin/env python3
"""Make outputs.json: scores of methods for numbers, by PyTorch's autograd, Captum and scikit-learn.

    python3 tests/reference/outputs.py F32_MODEL

The numbers are a class, the logit of a masked token, the difference of two next tokens and a log-probability, the span of an answer, and the
cosine with another text. F32_MODEL holds all-MiniLM-L6-v2 in f32 (tests/reference/fetch_model.sh); the other models are those of
tests/fixtures with random weights. For each text outputs.json has the ids, the types of tokens, which are special, the number, and:

- gradient: <x_j, dF/dx_j>, x the rows that the first layer gets;
- integrated, start: Captum's IntegratedGradients of F by the midpoint rule in 20 steps from the text whose tokens are [PAD] but for special
  ones, not divided; F of that text;
- smooth: as in methods.py;
- deleted: how far F falls without token j, of tokens that are not special. An output that is read at a word of the text keeps its place: the
  mask, or else [PAD], takes the place of the token;
- lime, owen, nothing: as in methods.py, but owen is not divided by its sum; F of a text without tokens that are not special.

In 64-bit floats. Needs PyPI's torch, transformers, captum and scikit-learn.
"""
import argparse
import json
import pathlib

import torch
from captum.attr import IntegratedGradients
from transformers import (AutoModel, AutoModelForCausalLM, AutoModelForMaskedLM, AutoModelForQuestionAnswering,
                          AutoModelForSequenceClassification, AutoModelForTokenClassification, AutoTokenizer)

from methods import ROOT, STEPS, lime, owen, smooth

OTHER = "A cookie keeps the session of a signed-in user."


class Case:
    """A model and a number F that it gives of a text."""

    def __init__(self, folder, kind, number, replaces=False):
        self.model = kind.from_pretrained(folder, attn_implementation="eager").eval().double()
        self.tokenizer = AutoTokenizer.from_pretrained(folder)
        self.number, self.replaces = number, replaces
        base = self.model.base_model
        self.layers = base.layers if hasattr(base, "layers") else base.encoder.layer
        self.plain = {"use_cache": False} if self.model.config.model_type == "llama" else {}
        self.first = {"xlm-roberta": 2}.get(self.model.config.model_type, 0)
        vocabulary = self.tokenizer.get_vocab()
        named = lambda tokens: next((vocabulary[token] for token in tokens if token in vocabulary), None)
        self.blank = named(["[PAD]", "<pad>", "[UNK]", "<unk>"])
        self.mask = named(["[MASK]", "<mask>", "[PAD]", "<pad>", "[UNK]", "<unk>"])

    def run(self, ids, types, rows=None, caught=None):
        """The outputs; with other rows as the input of the first layer."""
        def replace(_, args, kwargs):
            if caught is not None:
                caught.append(args[0] if args else kwargs["hidden_states"])
            if rows is None:
                return args, kwargs
            return ((rows, *args[1:]), kwargs) if args else (args, {**kwargs, "hidden_states": rows})
        hook = self.layers[0].register_forward_pre_hook(replace, with_kwargs=True)
        count = 1 if rows is None else rows.shape[0]
        given = {} if types is None else {"token_type_ids": types.expand(count, -1)}
        places = torch.arange(ids.shape[1])[None] + self.first
        out = self.model(input_ids=ids.expand(count, -1), position_ids=places.expand(count, -1), **given, **self.plain)
        hook.remove()
        return out

    def rows(self, ids, types):
        caught = []
        with torch.no_grad():
            self.run(ids, types, caught=caught)
        return caught[0].detach()


def explain(case, text, pair=None):
    encoded = case.tokenizer(*((pair, text) if pair else (text,)), return_tensors="pt", return_special_tokens_mask=True)
    ids, special = encoded["input_ids"].long(), encoded["special_tokens_mask"].bool()
    types = encoded["token_type_ids"] if pair else None
    if case.tokenizer.mask_token_id is not None:
        special = special | (ids == case.tokenizer.mask_token_id)
    if pair:
        special = special | (types == 0)
    rows = case.rows(ids, types)
    kept_all = list(range(ids.shape[1]))
    target = lambda rows: case.number(case.run(ids, types, rows), ids, kept_all)

    def gradient_at(rows):
        leaf = rows.clone().requires_grad_()
        return torch.autograd.grad(target(leaf).sum(), leaf)[0]

    if case.blank is None:
        blank = torch.where(special[..., None], rows, torch.zeros_like(rows))
    else:
        blank = case.rows(torch.where(special, ids, torch.full_like(ids, case.blank)), types)
    integrated = IntegratedGradients(target).attribute(rows, blank, n_steps=STEPS, method="riemann_middle")
    places = [place for place, own in enumerate(special[0].tolist()) if not own]
    known = {}

    def value(kept):
        """F of a text with only some of its tokens."""
        if kept not in known:
            gone = {place for place, stays in zip(places, kept) if not stays}
            left = list(range(ids.shape[1])) if case.replaces else [p for p in range(ids.shape[1]) if p not in gone]
            own = ids[:, left].clone()
            if case.replaces:
                own[:, list(gone)] = case.mask
            with torch.no_grad():
                known[kept] = case.number(case.run(own, None if types is None else types[:, left]), own, left).item() if left else None
        return known[kept]

    whole = tuple([1] * len(places))
    listed = lambda values: [round(float(v), 7) for v in values]
    without = [tuple(int(other != place) for other in range(len(places))) for place in range(len(places))]
    even = len(places) <= 6 and text.replace(" ", "").isalnum()
    with torch.no_grad():
        start = target(blank).item()
    return {
        "text": text, "ids": ids[0].tolist(), "types": [] if types is None else types[0].tolist(),
        "special": special[0].tolist(), "value": round(value(whole), 7),
        "gradient": listed((rows * gradient_at(rows)).sum(-1)[0]),
        "integrated": listed(integrated.sum(-1)[0]), "start": round(start, 7),
        "smooth": listed(smooth(rows, gradient_at)),
        "deleted": listed(value(whole) - value(kept) for kept in without),
        "lime": listed(lime(len(places), value)),
        "owen": listed(owen(len(places), value)) if even else [],
        "nothing": round(value(tuple([0] * len(places))), 7) if even else 0.0,
    }


def cosine(folder, pooling):
    """The cosine with another text, which stays as it is."""
    other = Case(folder, AutoModel, None)
    ids = other.tokenizer(OTHER, return_tensors="pt")["input_ids"]
    pool = lambda hidden: hidden[:, 0] if pooling == "cls" else hidden.mean(1)
    with torch.no_grad():
        vector = pool(other.run(ids, None).last_hidden_state)[0]
    return lambda out, ids, left: torch.nn.functional.cosine_similarity(pool(out.last_hidden_state), vector[None], dim=-1)


if __name__ == "__main__":
    torch.set_num_threads(1)
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("model")
    given = arguments.parse_args()
    fixtures = ROOT / "fixtures"
    short = ["hello world", "What is Deep Learning?", "The weather is lovely today."]
    masked = lambda out, ids, left: out.logits[:, (ids[0] == MASK).nonzero()[0, 0], 7]
    cases = {
        "classifier": (Case(fixtures / "tiny-classifier", AutoModelForSequenceClassification,
                            lambda out, ids, left: out.logits[:, 1]), [(text, None) for text in short]),
        "classifier-difference": (Case(fixtures / "tiny-classifier", AutoModelForSequenceClassification,
                                       lambda out, ids, left: out.logits[:, 2] - out.logits[:, 0]), [(text, None) for text in short]),
        "tagger": (Case(fixtures / "tiny-tagger", AutoModelForTokenClassification,
                        lambda out, ids, left: out.logits[:, 2, 1], replaces=True), [(text, None) for text in short]),
        "masked": (Case(fixtures / "tiny-masked", AutoModelForMaskedLM, masked), [("hello [MASK] world", None)]),
        "answers": (Case(fixtures / "tiny-answers", AutoModelForQuestionAnswering,
                         lambda out, ids, left: out.start_logits[:, -3] + out.end_logits[:, -2], replaces=True),
                    [(text, "what is it") for text in short]),
        "decoder-difference": (Case(fixtures / "tiny-llama", AutoModelForCausalLM,
                                    lambda out, ids, left: out.logits[:, -1, 5] - out.logits[:, -1, 9]), [(text, None) for text in short]),
        "decoder-log-probability": (Case(fixtures / "tiny-llama", AutoModelForCausalLM,
                                         lambda out, ids, left: out.logits[:, -1].log_softmax(-1)[:, 5]), [(text, None) for text in short]),
        "cosine-cls": (Case(fixtures / "tiny-xlm-roberta", AutoModel, cosine(fixtures / "tiny-xlm-roberta", "cls")),
                       [(text, None) for text in short]),
        "cosine-mean": (Case(fixtures / "tiny-llama", AutoModel, cosine(fixtures / "tiny-llama", "mean")), [(text, None) for text in short]),
        "cosine": (Case(given.model, AutoModel, cosine(given.model, "mean")), [(text, None) for text in short]),
    }
    MASK = cases["masked"][0].tokenizer.get_vocab()["[MASK]"]
    cases["masked"][0].tokenizer.mask_token = "[MASK]"
    golden = {name: [explain(case, *text) for text in texts] for name, (case, texts) in cases.items()}
    path = pathlib.Path(__file__).with_name("outputs.json")
    path.write_text(json.dumps(golden, separators=(",", ":"), ensure_ascii=False) + "\n")
    print({name: len(texts) for name, (_, texts) in cases.items()}, path.stat().st_size, "bytes")
