#!/usr/bin/env python3
"""Make tests/fixtures/tiny-*: BERT, XLM-R, Llama and Gemma folders with random weights and a SentencePiece (Unigram) vocabulary.

    python3 tests/reference/tiny.py

They have the same files as the multilingual MiniLM and E5 models, and the same code loads them. golden.json in each folder has the ids
and last hidden states of transformers. Needs PyPI's torch, transformers and tokenizers.
"""
import json
import shutil
import pathlib

import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import BertConfig, BertModel, Gemma3ForCausalLM, Gemma3TextConfig, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast, XLMRobertaConfig, XLMRobertaModel

FIXTURES = pathlib.Path(__file__).parent.parent / "fixtures"
TEXTS = ["我爱编程", "hello world", "我爱 hello 世界!", "naïve café", "snake_case kebab-case"]
PIECES = ["▁", "▁我", "我", "爱", "编程", "编", "程", "▁hello", "▁world", "hel", "lo", "世界", "▁na", "ï", "ve", "▁caf", "é"]


def tokenizer():
    letters = [chr(c) for c in range(33, 127)]
    special = ["<s>", "<pad>", "</s>", "<unk>"]
    vocabulary = [(p, 0.0) for p in special] + [(p, -2.0 - 0.1 * i) for i, p in enumerate(PIECES)] + [(c, -8.0) for c in letters]
    vocabulary.append(("<mask>", 0.0))
    made = Tokenizer(models.Unigram(vocabulary, unk_id=3))
    made.normalizer = normalizers.NFKC()
    made.pre_tokenizer = pre_tokenizers.Metaspace()
    made.add_special_tokens(special + ["<mask>"])
    made.post_processor = processors.TemplateProcessing("<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)])
    return PreTrainedTokenizerFast(tokenizer_object=made, bos_token="<s>", eos_token="</s>", pad_token="<pad>", unk_token="<unk>", mask_token="<mask>")


def make(name, model, pooling):
    folder = FIXTURES / name
    fast = tokenizer()
    model.eval().save_pretrained(folder)
    fast.backend_tokenizer.save(str(folder / "tokenizer.json"))
    if pooling:
        (folder / "1_Pooling").mkdir(exist_ok=True)
        modes = {f"pooling_mode_{m}_token{'s' if m == 'mean' else ''}": m == pooling for m in ("cls", "mean")}
        (folder / "1_Pooling" / "config.json").write_text(json.dumps(modes) + "\n")
    golden = []
    for text in TEXTS:
        inputs = fast(text, return_tensors="pt", return_token_type_ids=False)
        with torch.no_grad():
            hidden = model(**inputs).last_hidden_state[0]
        golden.append({"text": text, "ids": inputs["input_ids"][0].tolist(), "hidden": [[round(v, 5) for v in row] for row in hidden.tolist()]})
    (folder / "golden.json").write_text(json.dumps(golden, ensure_ascii=False, separators=(",", ":")) + "\n")


def make_decoder(name, model):
    """Writes golden.json: for each text the ids, and the next 20 tokens by greedy search with their log-probabilities."""
    folder = FIXTURES / name
    fast = tokenizer()
    model.eval().save_pretrained(folder)
    (folder / "generation_config.json").unlink(missing_ok=True)
    fast.backend_tokenizer.save(str(folder / "tokenizer.json"))
    golden = []
    for text in TEXTS:
        ids = fast(text, return_tensors="pt")["input_ids"]
        written = []
        with torch.no_grad():
            for _ in range(20):
                logprobs = model(ids).logits[0, -1].log_softmax(-1)
                token = int(logprobs.argmax())
                written.append([token, round(float(logprobs[token]), 5)])
                ids = torch.cat([ids, torch.tensor([[token]])], dim=1)
        golden.append({"text": text, "ids": ids[0, : -len(written)].tolist(), "written": written})
    (folder / "golden.json").write_text(json.dumps(golden, ensure_ascii=False, separators=(",", ":")) + "\n")


# In the style of Llama 2: marks in plain text, so that the vocabulary needs no tokens of its own.
CHAT = "{{ bos_token }}{% for message in messages %}{% if message['role'] == 'user' %}{{ '[INST] ' + message['content'] + ' [/INST]' }}{% else %}{{ message['content'] }}{% endif %}{% endfor %}"


def make_chat(name: str, source: str) -> None:
    """The same decoder with a window for questions and a chat template: its positions are rotations, which need no weights."""
    folder = FIXTURES / name
    folder.mkdir(exist_ok=True)
    for file in ["tokenizer.json", "model.safetensors"]:
        shutil.copyfile(FIXTURES / source / file, folder / file)
    config = json.loads((FIXTURES / source / "config.json").read_text()) | {"max_position_embeddings": 1024}
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    (folder / "tokenizer_config.json").write_text(json.dumps({"bos_token": "<s>", "chat_template": CHAT}, indent=2) + "\n")


if __name__ == "__main__":
    torch.manual_seed(1)
    entries = len(tokenizer())
    shape = dict(vocab_size=entries, hidden_size=32, num_hidden_layers=3, num_attention_heads=4, intermediate_size=64, max_position_embeddings=66, initializer_range=0.3)
    make("tiny-multilingual", BertModel(BertConfig(**shape, pad_token_id=1), add_pooling_layer=False), None)
    make("tiny-xlm-roberta", XLMRobertaModel(XLMRobertaConfig(**shape, pad_token_id=1, type_vocab_size=1), add_pooling_layer=False), "cls")
    decoder = LlamaConfig(vocab_size=entries, hidden_size=32, num_hidden_layers=3, num_attention_heads=4, num_key_value_heads=2, head_dim=12, intermediate_size=48, max_position_embeddings=64, initializer_range=0.3, bos_token_id=0, eos_token_id=2)
    make_decoder("tiny-llama", LlamaForCausalLM(decoder))
    make_chat("tiny-chat", "tiny-llama")
    torch.manual_seed(2)
    gemma = Gemma3TextConfig(vocab_size=entries, hidden_size=32, num_hidden_layers=3, num_attention_heads=4, num_key_value_heads=1, head_dim=12, intermediate_size=48, max_position_embeddings=64, sliding_window=4, layer_types=["sliding_attention", "sliding_attention", "full_attention"], query_pre_attn_scalar=12, initializer_range=0.3, pad_token_id=1, bos_token_id=0, eos_token_id=2)
    make_decoder("tiny-gemma", Gemma3ForCausalLM(gemma))
