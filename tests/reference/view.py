#!/usr/bin/env python3
"""Make tests/fixtures/tiny-gpt2 and tiny-t5, and view.json: the numbers that the page of `fovea view` shows, by transformers.

    python3 tests/reference/view.py

A head is switched off by zeroing the columns of the output projection that read it, which is another way than ours: we zero what the
head gives. The logit lens applies the last norm and the head to each hidden state. Needs PyPI's torch, transformers and tokenizers.
"""
import json
import pathlib

import torch
from tiny import FIXTURES, tokenizer
from transformers import AutoModel, BertForMaskedLM, GPT2Config, GPT2LMHeadModel, LlamaForCausalLM, PreTrainedTokenizerFast, T5Config, T5ForConditionalGeneration

HERE = pathlib.Path(__file__).parent
TEXT = "hello world, 我爱编程"
TARGET = "我爱 hello"


def rounded(tensor):
    return [[round(v, 6) for v in row] for row in tensor.tolist()]


def save(name, model):
    folder = FIXTURES / name
    model.eval().save_pretrained(folder)
    (folder / "generation_config.json").unlink(missing_ok=True)
    tokenizer().backend_tokenizer.save(str(folder / "tokenizer.json"))


def gpt2():
    config = GPT2Config(vocab_size=len(tokenizer()), n_embd=32, n_layer=3, n_head=4, n_positions=64, initializer_range=0.3, bos_token_id=0, eos_token_id=2, pad_token_id=1)
    save("tiny-gpt2", GPT2LMHeadModel(config))


def t5():
    config = T5Config(vocab_size=len(tokenizer()), d_model=32, d_kv=8, d_ff=48, num_layers=2, num_decoder_layers=3, num_heads=4, relative_attention_num_buckets=8, relative_attention_max_distance=16, decoder_start_token_id=1, pad_token_id=1, eos_token_id=2, n_positions=64)
    model = T5ForConditionalGeneration(config)
    torch.manual_seed(4)
    for parameter in model.parameters():
        if parameter.dim() > 1:
            torch.nn.init.normal_(parameter, std=0.3)
    save("tiny-t5", model)


def without(projection, heads, dim, inputs_first=False):
    """Zeroes the columns of a projection that read some heads."""
    for head in heads:
        columns = slice(head * dim, (head + 1) * dim)
        with torch.no_grad():
            if inputs_first:
                projection.weight[columns, :] = 0
            else:
                projection.weight[:, columns] = 0


def lens(hidden, finish, token):
    """The probabilities of the five most probable tokens at a position, layer by layer; `finish(rows, last)` gives logits."""
    out = []
    for at, rows in enumerate(hidden):
        probabilities = finish(rows[0, token], at == len(hidden) - 1).softmax(-1)
        top = probabilities.topk(5)
        out.append([[int(i), round(float(p), 6)] for p, i in zip(top.values, top.indices)])
    return out


def case(name, off, hidden, **more):
    return {"model": name, "off": off, "hidden": rounded(hidden), **more}


def main():
    torch.manual_seed(3)
    gpt2()
    t5()
    fast = tokenizer()
    ids = fast(TEXT, return_tensors="pt", return_token_type_ids=False)["input_ids"]
    cases, lenses = [], []
    with torch.no_grad():
        model = AutoModel.from_pretrained(FIXTURES / "tiny-xlm-roberta").eval()
        for layer, head in [(0, 1), (2, 3)]:
            without(model.encoder.layer[layer].attention.output.dense, [head], 8)
        cases.append(case("tiny-xlm-roberta", "h0.1,h2.3", model(ids).last_hidden_state[0]))

        model = LlamaForCausalLM.from_pretrained(FIXTURES / "tiny-llama").eval()
        without(model.model.layers[1].self_attn.o_proj, [0, 2], 12)
        cases.append(case("tiny-llama", "h1.0,h1.2", model.model(ids).last_hidden_state[0], logits=rounded(model(ids).logits[0][-1:])))

        model = GPT2LMHeadModel.from_pretrained(FIXTURES / "tiny-gpt2").eval()
        states = model(ids, output_hidden_states=True).hidden_states
        finish = lambda row, last: model.lm_head(row if last else model.transformer.ln_f(row))
        lenses.append({"model": "tiny-gpt2", "token": 3, "lens": lens(states, finish, 3)})
        without(model.transformer.h[0].attn.c_proj, [3], 8, inputs_first=True)
        cases.append(case("tiny-gpt2", "h0.3", model.transformer(ids).last_hidden_state[0], logits=rounded(model(ids).logits[0][-1:])))

        masked = BertForMaskedLM.from_pretrained(FIXTURES / "tiny-masked").eval()
        own = PreTrainedTokenizerFast(tokenizer_file=str(FIXTURES / "tiny-masked" / "tokenizer.json"))
        states = masked(own(TEXT, return_tensors="pt", return_token_type_ids=False)["input_ids"], output_hidden_states=True).hidden_states
        lenses.append({"model": "tiny-masked", "token": 2, "lens": lens(states, lambda row, last: masked.cls(row), 2)})

        model = T5ForConditionalGeneration.from_pretrained(FIXTURES / "tiny-t5", attn_implementation="eager").eval()
        target = fast(TARGET, add_special_tokens=False, return_tensors="pt")["input_ids"]
        written = torch.cat([torch.tensor([[model.config.decoder_start_token_id]]), target], dim=1)
        given = dict(input_ids=ids, decoder_input_ids=written)
        whole = model(**given, output_hidden_states=True, output_attentions=True)
        scale = model.config.d_model**-0.5 if model.config.tie_word_embeddings else 1.0
        finish = lambda row, last: model.lm_head((row if last else model.decoder.final_layer_norm(row)) * scale)
        lenses.append({"model": "tiny-t5", "token": 2, "lens": lens(whole.decoder_hidden_states, finish, 2)})
        assert torch.allclose(finish(whole.decoder_hidden_states[-1][0, 2], True), whole.logits[0, 2], atol=1e-5)
        cross = [[rounded(head) for head in layer[0]] for layer in whole.cross_attentions]
        own = [[rounded(head) for head in layer[0]] for layer in whole.decoder_attentions]
        without(model.encoder.block[1].layer[0].SelfAttention.o, [2], 8)
        without(model.decoder.block[0].layer[0].SelfAttention.o, [1], 8)
        without(model.decoder.block[2].layer[1].EncDecAttention.o, [0, 3], 8)
        cut = model(**given, output_hidden_states=True)
        cases.append(case("tiny-t5", "h1.2,d0.1,x2.0,x2.3", cut.encoder_last_hidden_state[0], logits=rounded(cut.logits[0][-1:])))
    golden = {"text": TEXT, "target": TARGET, "ids": ids[0].tolist(), "written": written[0].tolist(), "off": cases, "lens": lenses, "cross": cross, "own": own}
    (HERE / "view.json").write_text(json.dumps(golden, ensure_ascii=False, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
