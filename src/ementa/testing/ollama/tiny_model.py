"""Makes a real model of the llama architecture with random weights: a quarter of a megabyte that says nonsense, truly.

What it is good for: a real engine samples it under a real grammar, so a schema is honoured by the same code as in
production, whatever the model wants to say. What random weights say differs from processor to processor; a model that
`says` something says it on all of them.
"""

import itertools
from pathlib import Path

import gguf
import numpy as np

WIDTH, HEADS, HIDDEN, LAYERS, CONTEXT = 64, 4, 128, 2, 4096
TEMPLATE = "{% for message in messages %}{{ message['role'] }}: {{ message['content'] }}\n{% endfor %}assistant: "
_SPECIAL = (("<unk>", gguf.TokenType.UNKNOWN), ("<s>", gguf.TokenType.CONTROL), ("</s>", gguf.TokenType.CONTROL))
_LETTERS = ' abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789{}[]:,."-/'


def write_tiny_model(path: Path, seed: int = 0, *, says: str = "", ends: bool = True) -> Path:
    """Write the model as GGUF; the same arguments give the same bytes.

    With `says`, different characters without a space, the model answers with that text; then it ends, or says it again
    and again.
    """
    tokens, kinds = _vocabulary()
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name("ementa-tiny-random")
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(WIDTH)
    writer.add_feed_forward_length(HIDDEN)
    writer.add_block_count(LAYERS)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_rope_dimension_count(WIDTH // HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_vocab_size(len(tokens))
    writer.add_tokenizer_model("llama")
    writer.add_token_list(tokens)
    writer.add_token_scores([0.0 if kind == gguf.TokenType.BYTE else -float(n) for n, kind in enumerate(kinds)])
    writer.add_token_types(kinds)
    writer.add_unk_token_id(0)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_chat_template(TEMPLATE)
    tensors = _tensors(len(tokens), np.random.default_rng(seed))
    if says:
        _chain(tensors, [tokens.index(token) for token in ("▁", *says, "</s>" if ends else says[0])])
    for name, tensor in tensors.items():
        writer.add_tensor(name, tensor)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _vocabulary() -> tuple[list[str], list[int]]:
    """Every byte, as sentencepiece falls back to, and the usual characters."""
    tokens = [name for name, _ in _SPECIAL]
    kinds = [int(kind) for _, kind in _SPECIAL]
    tokens += [f"<0x{byte:02X}>" for byte in range(256)]
    kinds += [int(gguf.TokenType.BYTE)] * 256
    tokens += ["▁" if letter == " " else letter for letter in _LETTERS]
    kinds += [int(gguf.TokenType.NORMAL)] * len(_LETTERS)
    return tokens, kinds


def _tensors(vocabulary: int, random: np.random.Generator) -> dict[str, np.ndarray]:
    def noise(*shape: int) -> np.ndarray:
        return random.normal(0.0, 0.1, shape).astype(np.float32)

    def ones() -> np.ndarray:
        return np.ones(WIDTH, dtype=np.float32)

    tensors = {
        "token_embd.weight": noise(vocabulary, WIDTH),
        "output_norm.weight": ones(),
        "output.weight": noise(vocabulary, WIDTH),
    }
    for layer in range(LAYERS):
        block = f"blk.{layer}"
        tensors |= {f"{block}.attn_{name}.weight": noise(WIDTH, WIDTH) for name in ("q", "k", "v", "output")}
        tensors |= {f"{block}.{name}_norm.weight": ones() for name in ("attn", "ffn")}
        tensors |= {f"{block}.ffn_{name}.weight": noise(HIDDEN, WIDTH) for name in ("gate", "up")}
        tensors[f"{block}.ffn_down.weight"] = noise(WIDTH, HIDDEN)
    return tensors


def _chain(tensors: dict[str, np.ndarray], tokens: list[int]) -> None:
    """Make each token follow the one before: layers that add nothing, and rows of the output that know the embedding of
    what they follow. The prompt ends with the first token."""
    for name, tensor in tensors.items():
        if name.endswith(("attn_output.weight", "ffn_down.weight")):
            tensor[:] = 0
    embeddings, output = tensors["token_embd.weight"], tensors["output.weight"]
    embeddings[:] = np.where(embeddings > 0, 1, -1)
    output[:] = 0
    for before, after in itertools.pairwise(tokens):
        output[after] += embeddings[before]
