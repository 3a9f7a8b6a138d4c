#!/usr/bin/env python3
"""Make tests/reference/families: expected numbers for one tiny random model of every transformer family.

    python3 tests/reference/families.py [case ...]

A Rust test builds the same models and compares its own numbers with these. Both sides make the weights from a formula (`fill`), so
no weights are in the repository. README.md in that folder lists the keys and the cases. Needs PyPI's torch, transformers and
safetensors.
"""
import json
import math
import pathlib
import sys
import tempfile

import numpy
import torch
import transformers
from safetensors.numpy import load_file, save_file

FAMILIES = pathlib.Path(__file__).parent / "families"
LENGTHS = {"a": (13, 9), "b": (7, 5)}  # tokens for the encoder (or the only stack), tokens for the decoder
SPECIAL = 4  # ids below this one may be special, so the texts do not use them
FILE = "model.safetensors"
NOISE = ("dtype", "torch_dtype", "transformers_version", "_name_or_path")


def uniform(name, count):
    """Numbers in [0, 1) that depend only on the name: FNV-1a seeds splitmix64."""
    seed = 0xCBF29CE484222325
    for byte in name.encode():
        seed = ((seed ^ byte) * 0x100000001B3) % 2**64
    z = numpy.uint64(seed) + numpy.arange(1, count + 1, dtype=numpy.uint64) * numpy.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> numpy.uint64(30))) * numpy.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> numpy.uint64(27))) * numpy.uint64(0x94D049BB133111EB)
    return ((z ^ (z >> numpy.uint64(31))) >> numpy.uint64(40)) / 2.0**24


def fill(name, shape):
    """The values of one tensor: norm weights near 1, all others around 0."""
    u = uniform(name, math.prod(shape))
    if len(shape) >= 2:
        values = (u - 0.5) * 0.6
    elif name.endswith(("weight", "gamma")):
        values = 0.8 + 0.4 * u
    else:
        values = (u - 0.5) * 0.4
    return values.astype(numpy.float32).reshape(shape)


def token_ids(name, count, vocabulary):
    return [SPECIAL + int(u * (vocabulary - SPECIAL)) for u in uniform(name, count)]


def save(model_class, config, folder):
    """Save a checkpoint with weights from the formula; return its configuration and the shapes of its tensors."""
    model_class(config).save_pretrained(folder)
    shapes = {name: list(tensor.shape) for name, tensor in load_file(folder / FILE).items()}
    saved = {key: value for key, value in json.loads((folder / "config.json").read_text()).items() if key not in NOISE}
    if saved.get("scale_decoder_outputs") is False:
        # T5 1.1 has its own head. transformers 5 ties the head of a new model, but keeps both matrices of a published checkpoint.
        del saved["scale_decoder_outputs"]
        saved["tie_word_embeddings"] = False
        shapes["lm_head.weight"] = shapes["shared.weight"]
    save_file({name: fill(name, shape) for name, shape in shapes.items()}, folder / FILE, metadata={"format": "pt"})
    return saved, dict(sorted(shapes.items()))


def load(model_class, config, folder):
    """The model of a saved checkpoint with this configuration."""
    write_json(folder / "config.json", config)
    model, report = model_class.from_pretrained(folder, attn_implementation="eager", dtype=torch.float32, output_loading_info=True)
    wrong = {kind: keys for kind, keys in report.items() if keys}
    assert not wrong, wrong
    # The model must save the same tensors again; otherwise it ignored or changed some of them.
    model.save_pretrained(folder / "again")
    before, after = load_file(folder / FILE), load_file(folder / "again" / FILE)
    assert before.keys() == after.keys() and all(numpy.array_equal(before[name], after[name]) for name in before)
    return model.eval()


def older(config):
    """The same configuration as releases before 5 write it. Most published models have this form."""
    kind, rope = config["model_type"], config.get("rope_parameters")
    if kind == "deberta-v2":
        return config | {"pos_att_type": "|".join(config["pos_att_type"])}
    if rope is None or kind in ("nomic_bert", "jina_embeddings_v3"):
        return None
    config = {key: value for key, value in config.items() if key not in ("rope_parameters", "layer_types", "_sliding_window_pattern")}
    if kind == "modernbert":
        return config | {"global_rope_theta": rope["full_attention"]["rope_theta"], "local_rope_theta": rope["sliding_attention"]["rope_theta"]}
    if kind == "gemma3_text":
        thetas = {"rope_theta": rope["full_attention"]["rope_theta"], "rope_local_base_freq": rope["sliding_attention"]["rope_theta"]}
        return config | thetas | {"rope_scaling": None, "sliding_window_pattern": 2}
    if kind == "gpt_neox":
        return config | {"rotary_emb_base": rope["rope_theta"], "rotary_pct": rope["partial_rotary_factor"], "rope_scaling": None}
    scaling = {key: value for key, value in rope.items() if key not in ("rope_theta", "partial_rotary_factor")}
    if kind == "phi3":
        scaling.pop("original_max_position_embeddings", None)
    if "type" in scaling:
        del scaling["rope_type"]
    if kind in ("qwen2", "qwen3") and not config["use_sliding_window"]:
        config["sliding_window"] = 4  # published models contain the size of a window that is off
    return config | {"rope_theta": rope["rope_theta"], "rope_scaling": scaling if scaling != {"rope_type": "default"} else None}


def scalar(hidden):
    """A fixed weighted sum of the last token's last hidden state; the gradients are those of this number."""
    return (torch.cos(torch.arange(hidden.shape[-1], dtype=torch.float32)) * hidden[0, -1]).sum()


def run(model, text, pair=False):
    count, decoder_count = LENGTHS[text]
    vocabulary = model.config.vocab_size
    ids = token_ids(f"{text}.ids", count, vocabulary)
    arguments = dict(input_ids=torch.tensor([ids]), output_hidden_states=True, output_attentions=True)
    found = {"ids": numpy.array(ids, dtype=numpy.int32)}
    encoder_decoder = model.config.is_encoder_decoder
    if encoder_decoder:
        decoder_ids = [model.config.decoder_start_token_id] + token_ids(f"{text}.decoder_ids", decoder_count - 1, vocabulary)
        found["decoder_ids"] = numpy.array(decoder_ids, dtype=numpy.int32)
        arguments["decoder_input_ids"] = torch.tensor([decoder_ids])
    else:
        arguments["attention_mask"] = torch.ones(1, count, dtype=torch.long)
    if pair:
        types = [0] * (count // 2 + 1) + [1] * (count - count // 2 - 1)
        found["types"] = numpy.array(types, dtype=numpy.int32)
        arguments["token_type_ids"] = torch.tensor([types])
    output = model(**arguments)
    if encoder_decoder:
        lists = {
            "hidden": output.encoder_hidden_states,
            "attention": output.encoder_attentions,
            "decoder_hidden": output.decoder_hidden_states,
            "decoder_attention": output.decoder_attentions,
            "cross_attention": output.cross_attentions,
        }
        starts, last = {"gradient": lists["hidden"][0], "decoder_gradient": lists["decoder_hidden"][0]}, lists["decoder_hidden"][-1]
    else:
        lists = {"hidden": output.hidden_states, "attention": output.attentions}
        starts, last = {"gradient": lists["hidden"][0]}, lists["hidden"][-1]
    gradients = dict(zip(starts, torch.autograd.grad(scalar(last), list(starts.values()))))
    tensors = {f"{name}.{i}": tensor for name, list_ in lists.items() for i, tensor in enumerate(list_)} | gradients
    if "pooler_output" in output:
        tensors["pooled"] = output.pooler_output
    if "logits" in output:
        tensors["logits"] = output.logits
    if "start_logits" in output:
        tensors["logits"] = torch.stack([output.start_logits, output.end_logits], dim=-1)
    for name, tensor in tensors.items():
        assert tensor.shape[0] == 1 and tensor.isfinite().all(), name
        found[name] = numpy.ascontiguousarray(tensor[0].detach().numpy())
    return {f"{text}.{name}": value for name, value in found.items()}


def targets(model):
    """Numbers from the outputs of a head, with their true gradients at the input of the first block."""
    text = "b"
    count, decoder_count = LENGTHS[text]
    ids = token_ids(f"{text}.ids", count, model.config.vocab_size)
    arguments = dict(input_ids=torch.tensor([ids]), output_hidden_states=True)
    if model.config.is_encoder_decoder:
        start = [model.config.decoder_start_token_id] + token_ids(f"{text}.decoder_ids", decoder_count - 1, model.config.vocab_size)
        arguments["decoder_input_ids"] = torch.tensor([start])
    else:
        arguments["attention_mask"] = torch.ones(1, count, dtype=torch.long)
    output = model(**arguments)
    starts = {"gradient": output.encoder_hidden_states[0], "decoder_gradient": output.decoder_hidden_states[0]} if (
        model.config.is_encoder_decoder
    ) else {"gradient": output.hidden_states[0]}
    if "start_logits" in output:
        values = {"span": output.start_logits[0, 2] + output.end_logits[0, 4]}
    elif "logits" not in output:
        return {}
    else:
        logits = output.logits[0] if output.logits.dim() == 3 else output.logits
        row = logits[min(3, len(logits) - 1)]
        one, other = 1 % len(row), 2 % len(row)
        values = {"logit": row[one], "log_probability": row.log_softmax(-1)[one], "difference": row[one] - row[other]}
        if len(row) == 1:
            values = {"logit": row[0]}
    found = {}
    for name, value in values.items():
        gradients = torch.autograd.grad(value, list(starts.values()), retain_graph=True)
        found[f"{name}.value"] = numpy.array([value.item()], dtype=numpy.float32)
        for key, gradient in zip(starts, gradients):
            found[f"{name}.{key}"] = numpy.ascontiguousarray(gradient[0].numpy())
    return found


def write_json(path, value):
    path.write_text(json.dumps(value, indent=1) + "\n")


def make(name, class_name, config):
    folder, model_class = FAMILIES / name, getattr(transformers, class_name)
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as checkpoint:
        checkpoint = pathlib.Path(checkpoint)
        saved, shapes = save(model_class, config, checkpoint)
        answers = []
        for file, form in (("config.json", saved), ("config.older.json", older(saved))):
            if form is not None:
                write_json(folder / file, form)
                model = load(model_class, form, checkpoint)
                answers.append({})
                for text in LENGTHS:
                    answers[-1] |= run(model, text, pair=name == "bert-pair")
                numbers = targets(model) if name != "bert-pair" else {}
    for other in answers[1:]:
        assert all(numpy.array_equal(answers[0][key], other[key]) for key in answers[0])
    lines = ",\n".join(f" {json.dumps(key)}: {shape}" for key, shape in shapes.items())
    (folder / "tensors.json").write_text(f"{{\n{lines}\n}}\n")
    save_file(answers[0], folder / "golden.safetensors")
    if numbers:
        save_file(numbers, folder / "targets.safetensors")
    print(name, (folder / "golden.safetensors").stat().st_size, "bytes", len(shapes), "tensors")


SMALL = dict(vocab_size=61, hidden_size=32, num_hidden_layers=3, num_attention_heads=4, intermediate_size=48)
BERT = SMALL | dict(max_position_embeddings=24, type_vocab_size=2)
ROBERTA = SMALL | dict(max_position_embeddings=24, type_vocab_size=1, layer_norm_eps=1e-5, bos_token_id=0, pad_token_id=1, eos_token_id=2)
# The decoders default to special ids beyond this vocabulary.
ENDS = dict(bos_token_id=1, eos_token_id=2, pad_token_id=0)
DECODER = SMALL | ENDS | dict(max_position_embeddings=64)
GROUPED = DECODER | dict(num_key_value_heads=2)
T5 = dict(vocab_size=61, d_model=32, d_kv=12, d_ff=48, num_layers=2, num_heads=4, pad_token_id=0, eos_token_id=1, decoder_start_token_id=0)
T5 |= dict(relative_attention_num_buckets=8, relative_attention_max_distance=10)
LAYERS = dict(encoder_layers=2, decoder_layers=3, encoder_attention_heads=4, decoder_attention_heads=2, encoder_ffn_dim=48, decoder_ffn_dim=40)
NEOX = SMALL | ENDS | dict(max_position_embeddings=64, rotary_pct=0.5, rotary_emb_base=100, hidden_act="gelu")
SCALES = dict(short_factor=[1.0, 1.05, 1.1, 1.2, 1.3, 1.5], long_factor=[1.0, 1.5, 2.0, 3.0, 4.0, 6.0])

# name: (model class, configuration class, settings)
CASES = {
    "bert": ("BertForMaskedLM", "BertConfig", BERT),
    "bert-classifier": ("BertForSequenceClassification", "BertConfig", BERT | dict(num_labels=3)),
    "bert-tokens": ("BertForTokenClassification", "BertConfig", BERT | dict(num_labels=5)),
    "bert-answers": ("BertForQuestionAnswering", "BertConfig", BERT),
    "bert-pair": ("BertForSequenceClassification", "BertConfig", BERT | dict(num_labels=1)),
    "roberta": ("RobertaForMaskedLM", "RobertaConfig", ROBERTA),
    "xlm-roberta": ("XLMRobertaModel", "XLMRobertaConfig", ROBERTA),
    "distilbert": (
        "DistilBertForMaskedLM",
        "DistilBertConfig",
        dict(vocab_size=61, dim=32, n_layers=3, n_heads=4, hidden_dim=48, max_position_embeddings=24),
    ),
    "mpnet": (
        "MPNetForMaskedLM",
        "MPNetConfig",
        SMALL | dict(max_position_embeddings=24, layer_norm_eps=1e-5, relative_attention_num_buckets=32),
    ),
    "electra": ("ElectraForMaskedLM", "ElectraConfig", BERT | dict(embedding_size=20)),
    "modernbert": (
        "ModernBertForMaskedLM",
        "ModernBertConfig",
        DECODER
        | dict(num_hidden_layers=4, local_attention=6, global_attn_every_n_layers=3, cls_token_id=1, sep_token_id=2)
        | dict(global_rope_theta=16e4, local_rope_theta=1e4),
    ),
    "nomic-bert": ("NomicBertModel", "NomicBertConfig", BERT | dict(rope_theta=1000.0)),
    "jina-v3": ("JinaEmbeddingsV3Model", "JinaEmbeddingsV3Config", ROBERTA | dict(rope_theta=20000.0)),
    "deberta-v3": (
        "DebertaV2ForMaskedLM",
        "DebertaV2Config",
        SMALL
        | dict(max_position_embeddings=24, type_vocab_size=0, layer_norm_eps=1e-7, relative_attention=True, pos_att_type="p2c|c2p")
        | dict(share_att_key=True, position_buckets=8, max_relative_positions=-1, norm_rel_ebd="layer_norm", position_biased_input=False),
    ),
    "gpt2": ("GPT2LMHeadModel", "GPT2Config", dict(vocab_size=61, n_embd=32, n_layer=3, n_head=4, n_inner=48, n_positions=24) | ENDS),
    "gpt-neox": ("GPTNeoXForCausalLM", "GPTNeoXConfig", NEOX | dict(use_parallel_residual=True)),
    "gpt-neox-sequential": ("GPTNeoXForCausalLM", "GPTNeoXConfig", NEOX | dict(use_parallel_residual=False)),
    "llama": ("LlamaForCausalLM", "LlamaConfig", GROUPED | dict(head_dim=12, rms_norm_eps=1e-5, tie_word_embeddings=False)),
    "llama3-rope": (
        "LlamaForCausalLM",
        "LlamaConfig",
        GROUPED
        | dict(head_dim=16, tie_word_embeddings=True, max_position_embeddings=512, rope_theta=500.0)
        | dict(rope_scaling=dict(rope_type="llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=64)),
    ),
    "llama-linear": (
        "LlamaForCausalLM",
        "LlamaConfig",
        DECODER | dict(attention_bias=True, mlp_bias=True, rope_theta=100.0, rope_scaling=dict(type="linear", factor=2.5)),
    ),
    "llama-yarn": (
        "LlamaForCausalLM",
        "LlamaConfig",
        GROUPED
        | dict(head_dim=16, rope_theta=100.0, max_position_embeddings=128)
        | dict(rope_scaling=dict(rope_type="yarn", factor=4.0, original_max_position_embeddings=32)),
    ),
    "llama-dynamic": (
        "LlamaForCausalLM",
        "LlamaConfig",
        GROUPED | dict(rope_theta=100.0, max_position_embeddings=8, rope_scaling=dict(type="dynamic", factor=2.0)),
    ),
    "mistral": ("MistralForCausalLM", "MistralConfig", GROUPED | dict(head_dim=12, sliding_window=4)),
    "qwen2": ("Qwen2ForCausalLM", "Qwen2Config", GROUPED | dict(rope_theta=1e6, sliding_window=4, use_sliding_window=False)),
    "qwen2-tied": ("Qwen2ForCausalLM", "Qwen2Config", GROUPED | dict(tie_word_embeddings=True, rms_norm_eps=1e-5)),
    "qwen2-window": (
        "Qwen2ForCausalLM",
        "Qwen2Config",
        GROUPED | dict(sliding_window=4, use_sliding_window=True, max_window_layers=1),
    ),
    "qwen3": ("Qwen3ForCausalLM", "Qwen3Config", GROUPED | dict(head_dim=12, rope_theta=1e6, tie_word_embeddings=True)),
    "gemma2": (
        "Gemma2ForCausalLM",
        "Gemma2Config",
        GROUPED
        | dict(head_dim=12, query_pre_attn_scalar=10, sliding_window=4)
        | dict(attn_logit_softcapping=1.5, final_logit_softcapping=2.5),
    ),
    "gemma3": (
        "Gemma3ForCausalLM",
        "Gemma3TextConfig",
        DECODER
        | dict(num_key_value_heads=1, head_dim=12, query_pre_attn_scalar=10, sliding_window=4)
        | dict(rope_theta=1e6, rope_local_base_freq=1e4, layer_types=["sliding_attention", "full_attention", "sliding_attention"]),
    ),
    "embedding-gemma": (
        "Gemma3TextModel",
        "Gemma3TextConfig",
        GROUPED
        | dict(head_dim=12, query_pre_attn_scalar=10, sliding_window=6, use_bidirectional_attention=True)
        | dict(rope_theta=1e6, rope_local_base_freq=1e4, layer_types=["sliding_attention", "full_attention", "sliding_attention"]),
    ),
    "phi3": ("Phi3ForCausalLM", "Phi3Config", GROUPED | dict(sliding_window=4)),
    "phi3-longrope": (
        "Phi3ForCausalLM",
        "Phi3Config",
        GROUPED
        | dict(num_attention_heads=2, num_key_value_heads=1, partial_rotary_factor=0.75, original_max_position_embeddings=8)
        | dict(rope_theta=100.0, rope_scaling=SCALES | dict(type="longrope"), tie_word_embeddings=True),
    ),
    "t5": ("T5ForConditionalGeneration", "T5Config", T5 | dict(feed_forward_proj="relu", tie_word_embeddings=True)),
    "t5-gated": (
        "T5ForConditionalGeneration",
        "T5Config",
        T5 | dict(feed_forward_proj="gated-gelu", tie_word_embeddings=False, num_decoder_layers=3),
    ),
    "bart": (
        "BartForConditionalGeneration",
        "BartConfig",
        LAYERS
        | dict(vocab_size=61, d_model=32, max_position_embeddings=24, bos_token_id=0, pad_token_id=1, eos_token_id=2)
        | dict(decoder_start_token_id=2, forced_eos_token_id=2),
    ),
    "marian": (
        "MarianMTModel",
        "MarianConfig",
        LAYERS
        | dict(vocab_size=61, d_model=32, max_position_embeddings=24, scale_embedding=True, activation_function="swish")
        | dict(eos_token_id=0, pad_token_id=60, decoder_start_token_id=60, forced_eos_token_id=0),
    ),
}

if __name__ == "__main__":
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    for name in sys.argv[1:] or CASES:
        model_class, config_class, settings = CASES[name]
        make(name, model_class, getattr(transformers, config_class)(**settings))
