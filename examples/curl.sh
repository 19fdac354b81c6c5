#!/usr/bin/env bash
# The whole round with curl: send teste.jpg, follow it in the queue, wait for the answer. Needs curl and python3.
#   KEY=… [BASE=http://127.0.0.1:8000] [MODEL=gemma3:1b] [CHAT_MODEL=gemma3:1b] examples/curl.sh [FILE]
set -euo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
base="${BASE:-http://127.0.0.1:8000}"
file="${1:-$here/teste.jpg}"
: "${KEY:?set KEY to your API key, for example KEY=\$(cat data/admin.key)}"

show() { python3 -m json.tool --no-ensure-ascii; }

accepted="$(curl -sS --fail-with-body -X POST "$base/upload" \
  -H "Key: $KEY" \
  -H "Model: ${MODEL:-ementa-reader}" \
  -H "Prompt: Extraia o número, a data de emissão, o vencimento, o total e o CNPJ do emitente" \
  -H 'Format-Response: [{"numero": "", "emissao": "", "vencimento": "", "total": 0, "cnpj_emitente": ""}]' \
  -F "file=@$file")"
id="$(python3 -c 'import json, sys; print(json.load(sys.stdin)["id"])' <<<"$accepted")"

echo "Accepted as $id. In the queue:"
curl -sS --fail-with-body "$base/queue/$id" -H "Key: $KEY" | show

echo "Answer with proof:"
curl -sS --fail-with-body "$base/response/$id?wait=60" -H "Key: $KEY" | show

echo "Only the JSON asked for:"
curl -sS --fail-with-body "$base/response/$id?form=bare" -H "Key: $KEY" | show

echo "One prompt to a language model, where one is connected:"
if curl -sS --fail-with-body "$base/models" -H "Key: $KEY" | grep -q '"completion"'; then
  curl -sS --fail-with-body -X POST "$base/llm/generate" \
    -H "Key: $KEY" \
    -H "Content-Type: application/json" \
    -d "{\"model\": \"${CHAT_MODEL:-gemma3:1b}\", \"prompt\": \"Diga bom dia\",
         \"params\": {\"temperature\": 0.2, \"max_tokens\": 100, \"top_p\": 0.9, \"top_k\": 40}}" | show
else
  echo "none: see docs/guides/models.md"
fi
