"""What a door of the gateway refuses by itself, whatever the dialect. `name` is the parameter to blame."""

from ementa.kit.errors import Invalid, NotFound, TooLarge


class ModelNotStocked(NotFound):
    """No server has the model that an administrator names."""

    code = "MODEL_NOT_STOCKED"
    pt = "Nenhum servidor tem o modelo {model}. Veja os que há em GET /admin/models."
    en = "No server has the model {model}. See those there are at GET /admin/models."


class BodyNotJson(Invalid):
    """The body is no JSON object."""

    code = "BODY_NOT_JSON"
    pt = "O corpo da requisição não é um objeto JSON: {cause}."
    en = "The request body is not a JSON object: {cause}."


class BodyTooDeep(TooLarge):
    """The JSON is nested beyond what anybody writes."""

    code = "BODY_TOO_DEEP"
    pt = "O JSON da requisição tem mais de {limit} níveis. Simplifique-o."
    en = "The JSON of the request is more than {limit} levels deep. Make it simpler."


class ParameterInvalid(Invalid):
    """A parameter is missing, or is not of the type or within the bounds that it has."""

    code = "PARAMETER_INVALID"
    pt = "Parâmetro inválido: {name}: {cause}."
    en = "Invalid parameter: {name}: {cause}."


class ParameterUnsupported(Invalid):
    """The parameter is well known, but cannot be honoured here; ignoring it would change the answer in silence."""

    code = "PARAMETER_UNSUPPORTED"
    pt = "O parâmetro {name} não é atendido aqui: {cause}."
    en = "The parameter {name} is not supported here: {cause}."
