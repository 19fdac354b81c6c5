"""Failures of identity."""

from ementa.kit.errors import Conflict, Forbidden, Invalid, LimitExceeded, NotFound, Unauthenticated


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


class KeyIsConfigured(Conflict):
    """The key is the one in `EMENTA_KEY`: it would be back at the next start."""

    code = "KEY_IS_CONFIGURED"
    pt = "Esta chave é a de EMENTA_KEY: troque-a lá e reinicie o Ementa."
    en = "This key is the one in EMENTA_KEY: change it there and restart Ementa."


class KeyExpiryPast(Invalid):
    """A key that would be refused from the start."""

    code = "KEY_EXPIRY_PAST"
    pt = "A validade da chave já passou: informe um instante no futuro."
    en = "The key would have expired already: give a time in the future."


class UserNotFound(NotFound):
    """No user of this tenant has that id or e-mail."""

    code = "USER_NOT_FOUND"
    pt = "Nenhum usuário tem o id ou o e-mail {name}."
    en = "No user has the id or e-mail {name}."


class UserDisabled(Conflict):
    """None of the user's keys is accepted."""

    code = "USER_DISABLED"
    pt = "O usuário {name} está desativado: nenhuma chave dele seria aceita."
    en = "The user {name} is disabled: no key of theirs would be accepted."


class RoleDiffers(Conflict):
    """The user exists with another role than the one asked for."""

    code = "ROLE_DIFFERS"
    pt = "O usuário {name} já existe com o papel {role}. Omita o papel para criar a chave assim mesmo."
    en = "The user {name} already exists with the role {role}. Leave the role out to make the key all the same."


class TenantNotFound(NotFound):
    """No tenant has that id or name."""

    code = "TENANT_NOT_FOUND"
    pt = "Nenhuma organização tem o id ou o nome {name}."
    en = "No tenant has the id or name {name}."
