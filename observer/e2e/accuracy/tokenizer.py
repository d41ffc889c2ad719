# SPDX-License-Identifier: Apache-2.0
"""The tokenizer that a GGUF file holds, as Hugging Face's libraries read it,
beside the configuration of a tiny model for it.

usage: tokenizer.py MODEL.gguf DIRECTORY

SmolLM2's is byte-level BPE with single digits (llama.cpp, LLAMA_VOCAB_PRE_TYPE
"smollm")."""

import json
import pathlib
import sys

import gguf

reader = gguf.GGUFReader(sys.argv[1])
out = pathlib.Path(sys.argv[2])
out.mkdir(parents=True, exist_ok=True)


def field(name):
    return reader.fields["tokenizer.ggml." + name].contents()


tokens, merges, kinds = field("tokens"), field("merges"), field("token_type")
special = [i for i, k in enumerate(kinds) if k == 3]
byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
(out / "tokenizer.json").write_text(json.dumps({
    "version": "1.0", "truncation": None, "padding": None, "normalizer": None, "post_processor": None,
    "added_tokens": [{"id": i, "content": tokens[i], "single_word": False, "lstrip": False, "rstrip": False,
                      "normalized": False, "special": True} for i in special],
    "pre_tokenizer": {"type": "Sequence", "pretokenizers": [{"type": "Digits", "individual_digits": True}, byte_level]},
    "decoder": byte_level,
    "model": {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None, "end_of_word_suffix": None,
              "fuse_unk": False, "byte_fallback": False, "vocab": {t: i for i, t in enumerate(tokens)}, "merges": [m.split(" ") for m in merges]},
}))
eos, bos = tokens[field("eos_token_id")], tokens[field("bos_token_id")]
(out / "tokenizer_config.json").write_text(json.dumps({
    "tokenizer_class": "PreTrainedTokenizerFast", "bos_token": bos, "eos_token": eos, "pad_token": eos, "model_max_length": 1024,
    "chat_template": "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
                     "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"}))
(out / "config.json").write_text(json.dumps({
    "architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": len(tokens), "hidden_size": 64, "intermediate_size": 128,
    "num_hidden_layers": 2, "num_attention_heads": 2, "num_key_value_heads": 2, "max_position_embeddings": 1024, "rms_norm_eps": 1e-5,
    "rope_theta": 10000.0, "hidden_act": "silu", "tie_word_embeddings": True, "torch_dtype": "bfloat16",
    "bos_token_id": int(field("bos_token_id")), "eos_token_id": int(field("eos_token_id"))}))
