"""What Ollama's API has and this door has not, or not for everybody."""

from ementa.kit.errors import Forbidden, Invalid


class OllamaFieldNative(Invalid):
    """A field that only an Ollama server understands, for a model that another kind of server has."""

    code = "OLLAMA_FIELD_NATIVE"
    pt = (
        "Só um servidor Ollama entende {fields}, e o modelo {model} está em outro tipo de servidor. "
        "Use /api/chat sem isso."
    )
    en = (
        "Only an Ollama server understands {fields}, and model {model} is on another kind of server. "
        "Use /api/chat without it."
    )


class OllamaRouteRefused(Invalid):
    """Ollama's API makes, copies and publishes models; Ementa does not."""

    code = "OLLAMA_ROUTE_REFUSED"
    pt = (
        "Ementa não cria, copia nem publica modelos ({path}). Faça isso no próprio servidor Ollama; "
        "para dar outro nome a um modelo, use um apelido (/admin/aliases)."
    )
    en = (
        "Ementa does not create, copy or publish models ({path}). Do so on the Ollama server itself; "
        "to give a model another name use an alias (/admin/aliases)."
    )


class ModelMemoryReserved(Forbidden):
    """Somebody who is no administrator wants a model to leave the memory that all share."""

    code = "MODEL_MEMORY_RESERVED"
    pt = "Só administradores podem tirar modelos da memória do servidor, que é de todos (keep_alive: 0 sem pergunta)."
    en = (
        "Only administrators may unload models from the server's memory, which all share "
        "(keep_alive: 0 without a prompt)."
    )
