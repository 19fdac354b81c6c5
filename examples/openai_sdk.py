"""The gateway by OpenAI's official client: an answer, a stream, an answer in a form of yours, a vector.

pip install openai
OPENAI_BASE_URL=http://127.0.0.1:8000/v1 OPENAI_API_KEY=$(cat data/admin.key) python examples/openai_sdk.py
"""

import json
import os

from openai import OpenAI

MODEL = os.environ.get("CHAT_MODEL", "gemma3:1b")
EMBEDDING_MODEL = os.environ.get("EMBEDDING_MODEL", "all-minilm")

client = OpenAI()  # OPENAI_BASE_URL and OPENAI_API_KEY say where and with which key

print("An answer:")
answer = client.chat.completions.with_raw_response.create(
    model=MODEL, messages=[{"role": "user", "content": "Diga bom dia"}], temperature=0
)
print(answer.parse().choices[0].message.content)
print(f"({answer.headers['x-ementa-model']} on {answer.headers['x-ementa-server']})")

print("Piece by piece:")
for chunk in client.chat.completions.create(
    model=MODEL, messages=[{"role": "user", "content": "Conte até cinco"}], stream=True
):
    if chunk.choices:
        print(chunk.choices[0].delta.content or "", end="", flush=True)
print()

print("In a form of yours:")
formed = client.chat.completions.create(
    model=MODEL,
    messages=[{"role": "user", "content": "Qual é a capital do Pará?"}],
    response_format={
        "type": "json_schema",
        "json_schema": {
            "name": "cidade",
            "schema": {
                "type": "object",
                "properties": {"capital": {"type": "string", "maxLength": 100}},
                "required": ["capital"],
                "additionalProperties": False,
            },
        },
    },
)
print(json.loads(formed.choices[0].message.content or ""))

print("A vector:")
vector = client.embeddings.create(model=EMBEDDING_MODEL, input="bom dia").data[0].embedding
print(f"{len(vector)} numbers")
