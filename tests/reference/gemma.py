"""Reference numbers for a single GGUF file: Gemma 3 270M as llama.cpp's converter writes it.

    python tests/reference/gemma.py FILE.gguf > tests/reference/gemma.json

The token ids come from SentencePiece itself, with a model made of the file's pieces, scores and kinds. The probabilities come from
transformers in 32-bit floats, with the weights that it dequantizes from the file. Requires torch, transformers, gguf, sentencepiece and
protobuf.
"""

import json
import pathlib
import sys

import gguf
import sentencepiece
import torch
from sentencepiece import sentencepiece_model_pb2 as proto
from transformers import AutoModelForCausalLM

PROMPTS = [
    "The capital of France is",
    "Once upon a time, there was a little girl who lived in a village near the forest.  She",
    "def fibonacci(n):\n    if n < 2:\n        return n\n    return",
    "import numpy as np\n\n\nclass Matrix:\n\tdef __init__(self, rows, cols):\n\t\tself.rows =",
    "中国的首都是",
    "我爱编程，因为它让我可以",
    "naïve café 😀 <table><tr> x\u00a0y \u0000 \U00013000",
]


def field(reader, key):
    return reader.fields[key].contents()


def tokenizer(reader):
    model = proto.ModelProto()
    model.trainer_spec.model_type = proto.TrainerSpec.BPE
    model.trainer_spec.byte_fallback = True
    model.trainer_spec.unk_id = field(reader, "tokenizer.ggml.unknown_token_id")
    model.trainer_spec.bos_id = field(reader, "tokenizer.ggml.bos_token_id")
    model.trainer_spec.eos_id = field(reader, "tokenizer.ggml.eos_token_id")
    model.trainer_spec.pad_id = field(reader, "tokenizer.ggml.padding_token_id")
    model.normalizer_spec.name = "identity"
    model.normalizer_spec.add_dummy_prefix = field(reader, "tokenizer.ggml.add_space_prefix")
    model.normalizer_spec.remove_extra_whitespaces = False
    kinds = zip(
        field(reader, "tokenizer.ggml.tokens"),
        field(reader, "tokenizer.ggml.scores"),
        field(reader, "tokenizer.ggml.token_type"),
    )
    for index, (piece, score, kind) in enumerate(kinds):
        # The converter writes the unknown token as a control token.
        kind = 2 if index == model.trainer_spec.unk_id else kind
        # The converter writes spaces in user-defined tokens as spaces.
        piece = piece.replace(" ", "\u2581") if kind == 4 else piece
        model.pieces.add(piece=piece, score=score, type=kind)
    return sentencepiece.SentencePieceProcessor(model_proto=model.SerializeToString())


def main(path):
    path = pathlib.Path(path)
    reader = gguf.GGUFReader(path)
    pieces = tokenizer(reader)
    model = AutoModelForCausalLM.from_pretrained(
        path.parent, gguf_file=path.name, dtype=torch.float32, attn_implementation="eager"
    ).eval()
    cases = []
    for prompt in PROMPTS:
        ids = [field(reader, "tokenizer.ggml.bos_token_id"), *pieces.encode(prompt)]
        with torch.no_grad():
            logits = model(torch.tensor([ids])).logits[0, -1]
        log_probabilities = logits.double().log_softmax(-1)
        best = log_probabilities.topk(5)
        cases.append(
            {
                "text": prompt,
                "ids": ids,
                "best": [[int(i), round(float(p), 6)] for i, p in zip(best.indices, best.values)],
                "words": [pieces.id_to_piece(int(i)) for i in best.indices],
            }
        )
    json.dump(cases, sys.stdout, ensure_ascii=False, indent=1)
    print()


if __name__ == "__main__":
    main(sys.argv[1])
