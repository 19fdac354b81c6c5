"""The gateway by Ollama's official client: an answer, a stream, a tool, a vector.

pip install ollama
OLLAMA_HOST=http://127.0.0.1:8000 OLLAMA_API_KEY=$(cat data/admin.key) python examples/ollama_sdk.py
"""

import os

from ollama import Client

MODEL = os.environ.get("CHAT_MODEL", "gemma3:1b")
TOOL_MODEL = os.environ.get("TOOL_MODEL", "qwen2:7b")
EMBEDDING_MODEL = os.environ.get("EMBEDDING_MODEL", "all-minilm")

client = Client()  # OLLAMA_HOST and OLLAMA_API_KEY say where and with which key


def prazo_de_entrega(pedido: str) -> str:
    """Diz em quantos dias um pedido chega.

    Args:
        pedido: o número do pedido
    """
    return f"O pedido {pedido} chega em 5 dias."


print("An answer:")
print(client.chat(MODEL, messages=[{"role": "user", "content": "Diga bom dia"}]).message.content)

print("Piece by piece:")
for part in client.generate(MODEL, "Conte até cinco", stream=True):
    print(part.response, end="", flush=True)
print()

print("A tool that the model asks for:")
question = {"role": "user", "content": "Quando chega o pedido 4711?"}
asked = client.chat(TOOL_MODEL, messages=[question], tools=[prazo_de_entrega]).message
for call in asked.tool_calls or []:
    print(call.function.name, dict(call.function.arguments))

print("A vector:")
print(f"{len(client.embed(EMBEDDING_MODEL, 'bom dia').embeddings[0])} numbers")
