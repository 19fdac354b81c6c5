"""Failures of identity."""

from ementa.kit.errors import Forbidden, Invalid, LimitExceeded, NotFound, Unauthenticated


class CredentialRepeated(Unauthenticated):
    """The credential came twice; guessing which one counts would be wrong."""

    code = "CREDENTIAL_REPEATED"
    pt = "O cabeçalho {name} veio mais de uma vez. Envie uma única credencial."
    en = "The {name} header came more than once. Send a single credential."


class TooManyFailures(LimitExceeded):
    """Too many wrong keys from one address: it has to wait."""

    code = "TOO_MANY_FAILED_KEYS"
    pt = "Muitas chaves erradas vindas deste endereço. Tente de novo em {retry_after} s com a chave correta."
    en = "Too many wrong keys from this address. Try again in {retry_after} s with the right key."


class AdminRequired(Forbidden):
    """Only administrators may do this."""

    code = "ADMIN_REQUIRED"
    pt = "Só administradores podem fazer isto. Use uma chave de administrador."
    en = "Only administrators may do this. Use an administrator's key."


class HouseAdminRequired(Forbidden):
    """What all tenants share is managed by the administrators of the first one."""

    code = "HOUSE_ADMIN_REQUIRED"
    pt = "Isto é comum a todas as organizações: só administradores de {tenant} podem fazê-lo."
    en = "All tenants share this: only administrators of {tenant} may do it."


class ScopeMissing(Forbidden):
    """The key was made for less than this."""

    code = "SCOPE_MISSING"
    pt = "Esta chave não tem o escopo {scope}. Use outra chave ou crie uma com `ementa key create --scope {scope}`."
    en = "This key lacks the scope {scope}. Use another key or make one with `ementa key create --scope {scope}`."


class KeyTooWeak(Invalid):
    """The configured key could be guessed."""

    code = "KEY_TOO_WEAK"
    pt = (
        "A chave em EMENTA_KEY é fraca: {cause}. Gere uma com `openssl rand -base64 32`, "
        "ou deixe EMENTA_KEY vazia para que uma chave aleatória seja criada."
    )
    en = (
        "The key in EMENTA_KEY is weak: {cause}. Make one with `openssl rand -base64 32`, "
        "or leave EMENTA_KEY empty so that a random key is made."
    )


class KeyNotFound(NotFound):
    """No key has that id or prefix, or more than one does."""

    code = "KEY_NOT_FOUND"
    pt = "Nenhuma chave única corresponde a {name}. Veja os ids com `ementa key list`."
    en = "No single key matches {name}. See the ids with `ementa key list`."


class ScopeUnknown(Invalid):
    """There is no such scope."""

    code = "SCOPE_UNKNOWN"
    pt = "Escopo desconhecido: {scope}. Os escopos são {known}."
    en = "Unknown scope: {scope}. The scopes are {known}."
