#!/usr/bin/env bash
# `make run`: starts the server when it is not running, sends examples/teste.jpg through the main job and prints the
# answer with its proof. The server stays. `deploy/run.sh stop` ends it.
set -euo pipefail
cd "$(dirname "$0")/.."

python=.venv/bin/python
data="${EMENTA_DATA:-data}"
port="${EMENTA_APP__PORT:-8000}"
base="http://127.0.0.1:$port"
pid_file="$data/serve.pid"
log="$data/serve.out"
mkdir -p "$data"

say() { printf '%s\n' "$*"; }
fail() { printf 'ementa run: %s\n' "$*" >&2; exit 1; }

# The recorded process, if it still is a server of ours: a pid can have been given to another program since.
running() {
  [ -f "$pid_file" ] || return 1
  local pid
  pid="$(cat "$pid_file")"
  [ -n "$pid" ] && [ -r "/proc/$pid/cmdline" ] && tr '\0' ' ' <"/proc/$pid/cmdline" | grep -q 'ementa.* serve'
}

ready() { curl -fsS -o /dev/null --max-time 2 "$base/health/ready" 2>/dev/null; }

stop() {
  if ! running; then
    say "No server of this folder is running."
    rm -f "$pid_file"
    return
  fi
  local pid
  pid="$(cat "$pid_file")"
  kill "$pid"
  for _ in $(seq 1 300); do
    [ -d "/proc/$pid" ] || { rm -f "$pid_file"; say "Stopped."; return; }
    sleep 0.1
  done
  fail "process $pid has not ended after 30 s; see $log"
}

start() {
  if running; then
    say "The server is already running (pid $(cat "$pid_file"))."
  elif ready; then
    fail "port $port already answers, but that server was not started from this folder. Stop it, or choose another port: EMENTA_APP__PORT=8001 make run"
  else
    say "Starting the server at $base"
    nohup .venv/bin/ementa serve --host 127.0.0.1 --port "$port" --data "$data" >"$log" 2>&1 </dev/null &
    echo $! >"$pid_file"
  fi
  for _ in $(seq 1 300); do
    ready && return
    running || { tail -n 20 "$log" >&2; fail "the server ended while starting; its last lines are above ($log)"; }
    sleep 0.1
  done
  tail -n 20 "$log" >&2
  fail "the server is not ready after 30 s; see $log"
}

# The first key: from the environment, from .env, or the one that the first start made.
find_key() {
  if [ -n "${EMENTA_KEY:-}" ]; then printf '%s' "$EMENTA_KEY"; return; fi
  local key=""
  if [ -f .env ]; then key="$(sed -n 's/^EMENTA_KEY=//p' .env | tail -n 1 | tr -d "\"'\r")"; fi
  if [ -z "$key" ] && [ -f "$data/admin.key" ]; then key="$(tr -d '\r\n' <"$data/admin.key")"; fi
  [ -n "$key" ] || fail "no key found: set EMENTA_KEY in .env, or remove $data and start again"
  printf '%s' "$key"
}

field() { "$python" -c 'import json, sys; print(json.load(sys.stdin).get(sys.argv[1], ""))' "$1"; }

ask() {
  local key answer id status body
  key="$(find_key)"
  say "Sending examples/teste.jpg (model: ${MODEL:-ementa-reader})"
  # Headers are Latin-1 at best, so accents travel as percent-encoded UTF-8. The key is read from a pipe: not in `ps`.
  answer="$(curl -sS -X POST "$base/upload" -H @<(printf 'Key: %s\n' "$key") \
    -H "Model: ${MODEL:-ementa-reader}" \
    -H 'Prompt: Extraia%20o%20n%C3%BAmero,%20as%20datas,%20o%20valor%20total%20e%20as%20partes%20da%20fatura.' \
    -H 'Format-Response: {"numero":"","data_emissao":"","vencimento":"","valor_total":0,"emitente":{"cnpj":""},"destinatario":{"nome":"","cnpj":""},"chave_acesso":""}' \
    -F 'file=@examples/teste.jpg')"
  id="$(field id <<<"$answer")"
  [ -n "$id" ] || { say "$answer" >&2; fail "the upload was refused; the server's answer is above"; }
  for _ in $(seq 1 20); do
    body="$(curl -sS -w '\n%{http_code}' -H @<(printf 'Key: %s\n' "$key") "$base/response/$id?wait=30")"
    status="${body##*$'\n'}"
    body="${body%$'\n'*}"
    [ "$status" = 202 ] || break
  done
  "$python" -c 'import json, sys; print(json.dumps(json.load(sys.stdin), ensure_ascii=False, indent=2))' <<<"$body"
  [ "$status" = 200 ] || fail "the document did not end in an answer (HTTP $status); the server's answer is above"
}

command -v curl >/dev/null 2>&1 || fail "curl is needed: sudo apt-get install curl"
case "${1:-run}" in
  stop) stop ;;
  run)
    start
    ask
    say ""
    say "The server keeps running at $base  (API documentation: $base/docs)"
    say "Your key is in $data/admin.key unless you set EMENTA_KEY. Log: $log"
    say "Stop it with: make stop"
    ;;
  *) echo "usage: deploy/run.sh [run|stop]" >&2; exit 2 ;;
esac
