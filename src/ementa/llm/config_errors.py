"""Why a change to the configuration of the gateway is refused."""

from ementa.kit.errors import Conflict, Invalid, NotFound, Unavailable


class ServerNotFound(NotFound):
    """No stored model server has that id or name."""

    code = "MODEL_SERVER_NOT_FOUND"
    pt = "Nenhum servidor de modelos guardado tem o id ou o nome {name}."
    en = "No stored model server has the id or name {name}."


class AliasNotFound(NotFound):
    """No stored alias has that name."""

    code = "MODEL_ALIAS_NOT_FOUND"
    pt = "Nenhum apelido de modelo guardado se chama {name}."
    en = "No stored model alias is called {name}."


class RuleNotFound(NotFound):
    """No routing rule has that id or name."""

    code = "ROUTING_RULE_NOT_FOUND"
    pt = "Nenhuma regra de roteamento tem o id ou o nome {name}."
    en = "No routing rule has the id or name {name}."


class PriceNotFound(NotFound):
    """No price was given for that model."""

    code = "MODEL_PRICE_NOT_FOUND"
    pt = "Nenhum preço foi dado ao modelo {name}."
    en = "No price was given for the model {name}."


class NameTaken(Conflict):
    """Something of the same kind has that name already."""

    code = "NAME_TAKEN"
    pt = "O nome {name} já está em uso. Escolha outro, ou altere o que existe."
    en = "The name {name} is already in use. Choose another, or change what exists."


class ServerKindUnknown(Invalid):
    """No provider of that kind is installed, or it is built in."""

    code = "MODEL_SERVER_KIND_UNKNOWN"
    pt = "Tipo de servidor desconhecido: {kind}. Os tipos são {known}."
    en = "Unknown kind of server: {kind}. The kinds are {known}."


class ServerAddressInvalid(Invalid):
    """The address is not one that this kind of server can have."""

    code = "MODEL_SERVER_ADDRESS_INVALID"
    pt = "O endereço do servidor não serve: {cause}."
    en = "The server's address will not do: {cause}."


class ServerSilent(Unavailable):
    """A model server that is being tested does not answer, or cannot be asked with what it was given."""

    code = "SERVER_UNREACHABLE"
    pt = (
        "Não foi possível falar com o servidor {name}: {cause}. "
        "Confira o endereço e as opções, e que ele esteja ligado e ao alcance daqui."
    )
    en = (
        "The server {name} could not be spoken to: {cause}. "
        "Check its address and options, and that it runs and can be reached from here."
    )


class ServerUnusable(Unavailable):
    """The provider of that kind cannot be made with this configuration."""

    code = "MODEL_SERVER_UNUSABLE"
    pt = "O servidor {name} não pode ser usado assim. Teste-o: o teste diz por quê."
    en = "The server {name} cannot be used as it is. Test it: the test says why."
    retryable = False


class SecretRequired(Conflict):
    """The address of a server with a secret changed: the secret is not sent to another place unasked."""

    code = "SECRET_REQUIRED"
    pt = "O endereço mudou: informe de novo o segredo do servidor, que não é enviado a outro lugar sem você pedir."
    en = "The address changed: give the server's secret again; it is not sent elsewhere unless you ask for it."


class NameInvalid(Invalid):
    """A name has characters that a name cannot have, or is reserved."""

    code = "NAME_INVALID"
    pt = "O nome {name} não serve: {cause}."
    en = "The name {name} will not do: {cause}."


class AliasCircular(Conflict):
    """The alias would stand for itself."""

    code = "MODEL_ALIAS_CIRCULAR"
    pt = "O apelido acabaria apontando para si mesmo: {way}."
    en = "The alias would end up standing for itself: {way}."


class RuleInvalid(Invalid):
    """The rule's conditions contradict each other, or it has no target."""

    code = "ROUTING_RULE_INVALID"
    pt = "A regra não serve: {cause}."
    en = "The rule will not do: {cause}."


class OrderIncomplete(Conflict):
    """The order does not name each rule exactly once."""

    code = "ROUTING_ORDER_INCOMPLETE"
    pt = "A ordem precisa citar cada regra exatamente uma vez. As regras são: {names}."
    en = "The order must name each rule exactly once. The rules are: {names}."
