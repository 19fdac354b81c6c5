"""Failures of the main job."""

from ementa.kit.errors import Conflict, Forbidden, Gone, Invalid, NotFound, TooLarge


class AnalysisNotFound(NotFound):
    """No such document in the queue, or it is somebody else's."""

    code = "ANALYSIS_NOT_FOUND"
    pt = "Não há documento com o id {id} na sua fila."
    en = "There is no document with id {id} in your queue."


class AnalysisExpired(Gone):
    """Its time to live has passed and everything about it was erased."""

    code = "ANALYSIS_EXPIRED"
    pt = "O documento {id} expirou e foi apagado. Envie-o de novo; o cabeçalho TTL aumenta o prazo (até 24 h)."
    en = "Document {id} expired and was erased. Send it again; the TTL header makes it live longer (up to 24 h)."


class AnalysisCancelled(Gone):
    """Someone cancelled it, and everything about it was erased."""

    code = "ANALYSIS_CANCELLED"
    pt = "O documento {id} foi cancelado e apagado."
    en = "Document {id} was cancelled and erased."


class FieldMissing(Invalid):
    """A required header is absent or empty."""

    code = "HEADER_REQUIRED"
    pt = "Falta o cabeçalho {name}: {hint}"
    en = "The {name} header is missing: {hint}"


class FieldRepeated(Invalid):
    """A header came twice; guessing which one counts would be wrong."""

    code = "HEADER_REPEATED"
    pt = "O campo {name} veio mais de uma vez. Envie-o uma única vez."
    en = "Field {name} came more than once. Send it only once."


class FieldInvalid(Invalid):
    """A header has a value that cannot be used."""

    code = "HEADER_INVALID"
    pt = "O campo {name} tem um valor inválido: {hint}"
    en = "Field {name} has an invalid value: {hint}"


class FileMissing(Invalid):
    """No file came with the request."""

    code = "FILE_REQUIRED"
    pt = "Nenhum arquivo recebido. Envie-o no corpo (--data-binary @arquivo) ou no campo multipart `file`."
    en = "No file received. Send it as the body (--data-binary @file) or in the multipart field `file`."


class MultipartInvalid(Invalid):
    """The multipart body cannot be understood."""

    code = "MULTIPART_INVALID"
    pt = "O corpo multipart não pôde ser lido: {cause}"
    en = "The multipart body could not be read: {cause}"


class IdempotencyConflict(Conflict):
    """The key was used before with another file or question."""

    code = "IDEMPOTENCY_CONFLICT"
    pt = "A Idempotency-Key já foi usada com outro arquivo ou outra pergunta. Use uma chave nova."
    en = "The Idempotency-Key was already used with another file or question. Use a new key."


class CallbackRefused(Forbidden):
    """The callback's host is not on the administrator's list."""

    code = "CALLBACK_REFUSED"
    pt = "O endereço de Callback-Url não está na lista permitida (EMENTA_ANALYSIS__CALLBACK_HOSTS)."
    en = "The Callback-Url is not on the allowed list (EMENTA_ANALYSIS__CALLBACK_HOSTS)."


class FormatInvalid(Invalid):
    """Format-Response is not JSON, or asks for nothing."""

    code = "FORMAT_INVALID"
    pt = 'Format-Response não pôde ser entendido: {cause} Envie um exemplo JSON da resposta, como [{{"CNPJ": ""}}].'
    en = 'Format-Response could not be understood: {cause} Send a JSON example of the answer, such as [{{"CNPJ": ""}}].'


class FormatTooLarge(TooLarge):
    """Format-Response is larger, deeper or has more keys than allowed."""

    code = "FORMAT_TOO_LARGE"
    pt = "{name} passa do limite: {what}. Peça menos campos de cada vez, em mais de um envio."
    en = "{name} is beyond the limit: {what}. Ask for fewer fields at a time, in more than one request."


class FormatUnsupported(Invalid):
    """A JSON Schema uses a keyword that Ementa does not honour; ignoring it silently would be wrong."""

    code = "SCHEMA_UNSUPPORTED"
    pt = "Format-Response é um JSON Schema com algo que não é suportado em {where}: {what}. {advice}"
    en = "Format-Response is a JSON Schema with something unsupported at {where}: {what}. {advice}"


class ExampleInvalid(Invalid):
    """Example is not JSON."""

    code = "EXAMPLE_INVALID"
    pt = "Example não pôde ser entendido: {cause} Envie o Format-Response preenchido com valores de exemplo."
    en = "Example could not be understood: {cause} Send the Format-Response filled in with example values."


class ExampleMismatch(Invalid):
    """Example does not have the form of Format-Response."""

    code = "EXAMPLE_MISMATCH"
    pt = "Example não tem a forma de Format-Response em {where}: {cause}"
    en = "Example does not have the form of Format-Response at {where}: {cause}"
