#!/usr/bin/env python3
"""Make tests/fixtures/tiny-classifier, tiny-tagger, tiny-answers and tiny-masked: BERTs with random weights and a head each, with a tokenizer.

    python3 tests/reference/heads.py

Each golden.json has the outputs of transformers for some texts: logits, or for tiny-answers the best spans, as the pipeline
`question-answering` chose them before version 5. Needs PyPI's torch and transformers.
"""
import json
import pathlib
import shutil

import torch
import transformers
from sentence import tokenizer
from tokenizers import processors

FIXTURES = pathlib.Path(__file__).parent.parent / "fixtures"
SHAPE = dict(hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32, max_position_embeddings=64, initializer_range=0.4)
TEXTS = ["hello world", "parse the config file", "read the doc: query the world"]
QUESTIONS = ["what the config", "world", "hello: file"]
LONGEST = 6  # tokens of an answer


def make(name, model_class, golden, **more):
    torch.manual_seed(11)
    fast = tokenizer()
    ends = [("[CLS]", 2), ("[SEP]", 3)]
    pair = processors.TemplateProcessing("[CLS] $A [SEP]", "[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=ends)
    fast.backend_tokenizer.post_processor = pair
    config = transformers.BertConfig(vocab_size=len(fast), **SHAPE, **more)
    model = model_class(config).eval()
    with torch.no_grad():
        for weights in model.parameters():
            if weights.dim() == 1:
                weights.add_(torch.randn_like(weights) * 0.1)
    folder = FIXTURES / name
    shutil.rmtree(folder, ignore_errors=True)
    model.save_pretrained(folder)
    fast.backend_tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "model.safetensors").chmod(0o644)
    (folder / "golden.json").write_text(json.dumps(golden(model, fast), ensure_ascii=False) + "\n")


def logits(model, fast):
    def one(text):
        with torch.no_grad():
            return dict(text=text, logits=model(**fast(text, return_tensors="pt")).logits[0].tolist())

    return [one(text) for text in TEXTS]


def answers(model, fast):
    found = []
    for question in QUESTIONS:
        for passage in TEXTS:
            read = fast(question, passage, return_tensors="pt", return_offsets_mapping=True, return_token_type_ids=True)
            offsets = read.pop("offset_mapping")[0].tolist()
            with torch.no_grad():
                output = model(**read)
            start, end = output.start_logits[0], output.end_logits[0]
            own = [i for i, sequence in enumerate(read.sequence_ids(0)) if sequence == 1]
            spans = [(float(start[a] + end[b]), a, b) for a in own for b in own if a <= b < a + LONGEST]
            score, a, b = max(spans)
            found.append(
                dict(question=question, passage=passage, ids=read["input_ids"][0].tolist(), types=read["token_type_ids"][0].tolist())
                | dict(answer=passage[offsets[a][0] : offsets[b][1]], start=offsets[a][0], end=offsets[b][1], score=score)
                | dict(none=float(start[0] + end[0]))
            )
    return found


def masks(model, fast):
    found = []
    for before, after in [("hello ", "the file"), ("parse the config", " world"), ("read doc: query ", "the")]:
        text = before + (" " if before[-1] != " " else "") + fast.mask_token + (" " if after[0] != " " else "") + after
        read = fast(text, return_tensors="pt")
        at = read["input_ids"][0].tolist().index(fast.mask_token_id)
        with torch.no_grad():
            told = model(**read).logits[0, at].softmax(-1).topk(5)
        listed = [dict(token=fast.convert_ids_to_tokens(i), probability=p) for p, i in zip(told.values.tolist(), told.indices.tolist())]
        found.append(dict(before=before, after=after, next=listed))
    return found


make("tiny-masked", transformers.BertForMaskedLM, masks)
make("tiny-classifier", transformers.BertForSequenceClassification, logits, id2label={0: "calm", 1: "angry", 2: "lost"})
make("tiny-tagger", transformers.BertForTokenClassification, logits, id2label={0: "O", 1: "B-NAME", 2: "I-NAME"})
make("tiny-answers", transformers.BertForQuestionAnswering, answers)
