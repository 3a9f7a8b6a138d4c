"""Continuations of ten prompts by transformers with Gemma 3 270M, whose weights it dequantizes from a GGUF file.

    python tests/reference/gemma_greedy.py FILE.gguf > tests/reference/gemma_greedy.json

The file has for each prompt its ids, the next 50 ids by greedy search, their log-probabilities, and the lead of each over the second most
probable token. The requirements are those of gemma.py.
"""

import json
import pathlib
import sys

import gguf
import torch
from gemma import field, tokenizer
from transformers import AutoModelForCausalLM

PROMPTS = [
    "The capital of France is",
    "Once upon a time, there was a little girl",
    "The difference between a stack and a queue is",
    "Dear customer, we are sorry to",
    "def fibonacci(n):\n    if n < 2:\n        return n\n    return",
    "import csv\n\ndef read_rows(path):\n",
    "class Stack:\n    def __init__(self):\n        self.items = []\n\n    def push",
    "中国的首都是",
    "我爱编程，因为它让我可以",
    "今天天气很好，我们",
]
TOKENS = 50

path = pathlib.Path(sys.argv[1])
reader = gguf.GGUFReader(path)
pieces = tokenizer(reader)
model = AutoModelForCausalLM.from_pretrained(path.parent, gguf_file=path.name, dtype=torch.float32, attn_implementation="eager").eval()
cases = []
for prompt in PROMPTS:
    ids = [field(reader, "tokenizer.ggml.bos_token_id"), *pieces.encode(prompt)]
    found = dict(text=prompt, ids=ids, next=[], log_probabilities=[], ahead=[])
    past, fresh = None, ids
    for _ in range(TOKENS):
        with torch.no_grad():
            output = model(torch.tensor([fresh]), past_key_values=past, use_cache=True)
        past = output.past_key_values
        told = output.logits[0, -1].double().log_softmax(-1)
        best = told.topk(2)
        fresh = [int(best.indices[0])]
        found["next"].append(fresh[0])
        found["log_probabilities"].append(round(float(best.values[0]), 5))
        found["ahead"].append(round(float(best.values[0] - best.values[1]), 5))
    cases.append(found)
print("[\n" + ",\n".join(json.dumps(case, ensure_ascii=False) for case in cases) + "\n]")
