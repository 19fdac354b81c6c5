"""Every way a call to a model fails, each with its cause and what to do."""

from collections.abc import Sequence
from typing import Self

from ementa.kit.errors import (
    Conflict,
    Forbidden,
    Invalid,
    LimitExceeded,
    NotFound,
    TooLarge,
    Unavailable,
    UpstreamFailed,
)

_NONE = {"pt": "nenhum", "en": "none"}
_LISTED = 12


class ModelUnavailable(Unavailable):
    """The model is not there: no server has it, or no server answers.

    Made by `model_absent` and `server_unreachable`, which fill `cause` and `advice`.
    """

    code = "MODEL_UNAVAILABLE"
    pt = "O modelo {model} não está disponível: {cause}. {advice}"
    en = "Model {model} is not available: {cause}. {advice}"


class ServerUnreachable(ModelUnavailable):
    """The same to the user; the gateway knows by it that another server may do better."""


class ModelTimeout(UpstreamFailed):
    """The model did not finish in the time allowed."""

    code = "MODEL_TIMEOUT"
    pt = (
        "O modelo {model} não terminou em {seconds} s. Tente de novo, use um modelo menor "
        "ou aumente o tempo (TIMEOUT para gerações, EMENTA_ANALYSIS__MODEL_TIMEOUT_SECONDS para análises)."
    )
    en = (
        "Model {model} did not finish within {seconds} s. Try again, use a smaller model "
        "or allow more time (TIMEOUT for generations, EMENTA_ANALYSIS__MODEL_TIMEOUT_SECONDS for analyses)."
    )


class ModelBusy(Unavailable):
    """Too many requests are in line for the model, here or at its server."""

    code = "MODEL_BUSY"
    pt = "O modelo {model} está ocupado com outros pedidos. Tente de novo em instantes."
    en = "Model {model} is busy with other requests. Try again in a moment."


class ModelFailed(UpstreamFailed):
    """The model's server failed while answering."""

    code = "MODEL_FAILED"
    pt = "O servidor do modelo {model} falhou: {cause}. Veja os logs desse servidor ou tente outro modelo."
    en = "The server of model {model} failed: {cause}. See that server's logs or try another model."


class ModelRejected(UpstreamFailed):
    """The model's server refuses this request; sending it again would not help."""

    code = "MODEL_REJECTED"
    pt = "O servidor do modelo {model} recusou o pedido: {cause}."
    en = "The server of model {model} refused the request: {cause}."
    retryable = False


class ModelKeyRefused(UpstreamFailed):
    """The model server does not accept the key that Ementa has for it."""

    code = "MODEL_KEY_REFUSED"
    pt = (
        "O servidor de modelos {host} recusou a chave de acesso: {cause}. "
        "Um administrador deve conferir a chave configurada para esse servidor."
    )
    en = (
        "The model server {host} refused the access key: {cause}. "
        "An administrator should check the key configured for that server."
    )
    retryable = False


class ModelNotPermitted(Forbidden):
    """The key was made for other models."""

    code = "MODEL_NOT_PERMITTED"
    pt = "Esta chave não pode usar o modelo {model}. Use um dos que a lista mostra ou outra chave."
    en = "This key may not use the model {model}. Use one of those listed or another key."


class ModelCannotChat(Invalid):
    """The model exists but does not write text."""

    code = "MODEL_CANNOT_CHAT"
    pt = "O modelo {model} não gera texto ({capabilities}). Escolha um modelo de conversa, por exemplo gemma3:1b."
    en = "Model {model} does not generate text ({capabilities}). Choose a chat model, for example gemma3:1b."


class ModelCannotEmbed(Invalid):
    """The model exists but makes no vectors."""

    code = "MODEL_CANNOT_EMBED"
    pt = (
        "O modelo {model} não gera vetores (embeddings): {capabilities}. "
        "Escolha um modelo de embeddings, por exemplo all-minilm."
    )
    en = "Model {model} does not make embeddings: {capabilities}. Choose an embedding model, for example all-minilm."


class ModelLacksCapability(Invalid):
    """The request needs what the model does not have. Made by `of`."""

    code = "MODEL_LACKS_CAPABILITY"
    pt = "O modelo {model} não {lacks} (capacidades: {capabilities}). {advice}"
    en = "Model {model} does not {lacks} (capabilities: {capabilities}). {advice}"

    @classmethod
    def of(cls, model: str, need: str, capabilities: Sequence[str]) -> Self:
        """`need` is the capability that `model` lacks."""
        lacks, advice = _LACKS.get(need, ({"pt": f"faz {need}", "en": f"do {need}"}, _ANOTHER))
        return cls(
            details={"needs": need, "capabilities": list(capabilities)},
            model=model,
            lacks=lacks,
            capabilities=", ".join(capabilities),
            advice=advice,
        )


_ANOTHER = {"pt": "Escolha um modelo que faça isso.", "en": "Choose a model that does."}
_LACKS = {
    "vision": (
        {"pt": "lê imagens", "en": "read images"},
        {
            "pt": "Escolha um que leia, por exemplo gemma3:4b, ou envie o texto da imagem.",
            "en": "Choose one that does, for example gemma3:4b, or send the image's text.",
        },
    ),
    "tools": (
        {"pt": "chama ferramentas", "en": "call tools"},
        {
            "pt": "Escolha um que chame, por exemplo qwen2:7b, ou faça o pedido sem `tools`.",
            "en": "Choose one that does, for example qwen2:7b, or ask without `tools`.",
        },
    ),
    "embedding": (
        {"pt": "gera vetores", "en": "make embeddings"},
        {"pt": "Escolha um modelo de embeddings.", "en": "Choose an embedding model."},
    ),
    "rerank": (
        {"pt": "reordena documentos", "en": "rerank documents"},
        {"pt": "Escolha um modelo de rerank.", "en": "Choose a reranking model."},
    ),
}


class ModelQueueFull(LimitExceeded):
    """Too many requests wait for the model already."""

    code = "MODEL_QUEUE_FULL"
    pt = "A fila do modelo {model} está cheia ({waiting} pedidos). Tente de novo em {retry_after} s."
    en = "The line for model {model} is full ({waiting} requests). Try again in {retry_after} s."


class ModelServerUnknown(NotFound):
    """No model server in use has that name."""

    code = "MODEL_SERVER_UNKNOWN"
    pt = "Nenhum servidor de modelos em uso se chama {name}. Os servidores são: {known}."
    en = "No model server in use is called {name}. The servers are: {known}."


class ModelsNotManaged(Invalid):
    """The server does not let its models be managed from outside."""

    code = "MODELS_NOT_MANAGED"
    pt = "O servidor {name} não permite baixar, apagar ou carregar modelos por aqui. Faça isso no próprio servidor."
    en = "Server {name} does not let models be downloaded, deleted or loaded from here. Do it on that server itself."


class ServerNotNamed(Conflict):
    """Several servers would do, and the choice matters."""

    code = "MODEL_SERVER_NOT_NAMED"
    pt = "Vários servidores de modelos servem: {names}. Diga qual."
    en = "Several model servers would do: {names}. Say which."


class ModelContextExceeded(TooLarge):
    """The prompt does not fit the model's context. Nothing is ever cut silently to make it fit."""

    code = "MODEL_CONTEXT_EXCEEDED"
    pt = (
        "O pedido tem cerca de {needed} tokens e o contexto do modelo {model} é de {context}. Encurte o pedido, "
        "use um modelo de contexto maior ou aumente EMENTA_LLM__MAX_CONTEXT_TOKENS se a memória permitir."
    )
    en = (
        "The request is about {needed} tokens and the context of model {model} is {context}. Shorten the request, "
        "use a model with a larger context or raise EMENTA_LLM__MAX_CONTEXT_TOKENS if memory allows."
    )


class ModelOutputTruncated(UpstreamFailed):
    """The answer reached its limit of tokens before it was complete."""

    code = "MODEL_OUTPUT_TRUNCATED"
    pt = "A resposta do modelo {model} foi cortada no limite de {tokens} tokens. Peça menos ou use outro modelo."
    en = "The answer of model {model} was cut at its limit of {tokens} tokens. Ask for less or use another model."
    retryable = False


class ModelHostInvalid(Invalid):
    """The address of a model server cannot be understood."""

    code = "MODEL_HOST_INVALID"
    pt = "O endereço de servidor de modelos {host} não é válido. Exemplos: servidor, servidor:11434, https://servidor."
    en = "The model server address {host} is not valid. Examples: server, server:11434, https://server."


class RateLimited(LimitExceeded):
    """Somebody asks models too often, or for too many tokens, within a minute."""

    headers: Sequence[tuple[str, str]] = ()
    """The same that an answer would have had, with nothing left."""

    code = "RATE_LIMITED"
    pt = (
        "O limite {whose} é de {limit} {what} por minuto e foi atingido. Tente de novo em {retry_after} s "
        "ou peça a um administrador um limite maior."
    )
    en = (
        "The limit {whose} is {limit} {what} per minute and has been reached. Try again in {retry_after} s "
        "or ask an administrator for a higher limit."
    )


class BudgetSpent(LimitExceeded):
    """Somebody's budget of tokens or money for the month is spent."""

    code = "BUDGET_SPENT"
    pt = (
        "O orçamento {whose} para este mês ({limit} {what}) foi gasto ({used}). Ele se renova em {renews_at}; "
        "antes disso, peça a um administrador um orçamento maior."
    )
    en = (
        "The budget {whose} for this month ({limit} {what}) is spent ({used}). It renews at {renews_at}; "
        "before that, ask an administrator for a larger budget."
    )
    retryable = False


def model_absent(model: str, available: Sequence[str], unreachable: Sequence[str] = ()) -> ModelUnavailable:
    """No server that answers has the model. Names what there is and how to get the model."""
    names = ", ".join(available[:_LISTED]) + (", …" if len(available) > _LISTED else "")
    listed = {language: names or words for language, words in _NONE.items()}
    silent = ", ".join(unreachable)
    return ModelUnavailable(
        details={"reason": "absent", "available": list(available), "unreachable": list(unreachable)},
        model=model,
        cause={
            "pt": f"os servidores de modelos não o têm (modelos disponíveis: {listed['pt']})"
            + (f" e {silent} não responde" if silent else ""),
            "en": f"the model servers do not have it (available models: {listed['en']})"
            + (f" and {silent} does not answer" if silent else ""),
        },
        advice={
            "pt": f"Baixe-o com `ollama pull {model}`, escolha um dos disponíveis ou use `ementa-reader`, "
            "que analisa documentos sem modelo de linguagem.",
            "en": f"Get it with `ollama pull {model}`, choose one of those available or use `ementa-reader`, "
            "which analyses documents without a language model.",
        },
    )


def server_unreachable(model: str, hosts: Sequence[str], cause: str) -> ServerUnreachable:
    """No model server answers at all. Names the addresses tried and how to start one."""
    tried = ", ".join(hosts)
    return ServerUnreachable(
        details={"reason": "unreachable", "hosts": list(hosts), "cause": cause},
        model=model,
        cause={
            "pt": f"não foi possível conectar ao servidor de modelos em {tried} ({cause})"
            if tried
            else "nenhum servidor de modelos está configurado",
            "en": f"could not connect to the model server at {tried} ({cause})"
            if tried
            else "no model server is configured",
        },
        advice=_AFAR if hosts and all(host.startswith("https://") for host in hosts) else _at_home(model),
    )


_AFAR = {
    "pt": "Confira a saída desta máquina para a rede (DNS, firewall) e o endereço configurado para esse servidor; "
    "enquanto isso, `ementa-reader` analisa documentos sem modelo de linguagem.",
    "en": "Check this machine's way out to the network (DNS, firewall) and the address configured for that server; "
    "meanwhile `ementa-reader` analyses documents without a language model.",
}
"""What to do when a hosted service does not answer."""


def _at_home(model: str) -> dict[str, str]:
    """The same of one's own server."""
    return {
        "pt": f"Inicie o Ollama (`ollama serve`), confira OLLAMA_HOST e baixe o modelo com `ollama pull {model}`; "
        "enquanto isso, `ementa-reader` analisa documentos sem modelo de linguagem.",
        "en": f"Start Ollama (`ollama serve`), check OLLAMA_HOST and get the model with `ollama pull {model}`; "
        "meanwhile `ementa-reader` analyses documents without a language model.",
    }
