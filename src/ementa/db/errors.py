"""Failures of the data layer that users are told of."""

from ementa.kit.errors import Invalid, Unavailable


class SecretKeyWeak(Invalid):
    """The configured key that protects secrets could be guessed."""

    code = "SECRET_KEY_WEAK"
    pt = "EMENTA_SECRET_KEY tem menos de {least} caracteres. Gere uma com `openssl rand -base64 32`."
    en = "EMENTA_SECRET_KEY has fewer than {least} characters. Make one with `openssl rand -base64 32`."


class SecretUnreadable(Unavailable):
    """A stored secret was encrypted with a key that is not here."""

    code = "SECRET_UNREADABLE"
    pt = (
        "O segredo guardado não pode ser decifrado: {cause}. Recupere o arquivo secret.key do diretório de dados "
        "(ou EMENTA_SECRET_KEY) com que foi gravado, ou informe o segredo de novo."
    )
    en = (
        "The stored secret cannot be decrypted: {cause}. Bring back the file secret.key of the data directory "
        "(or the EMENTA_SECRET_KEY) that it was written with, or give the secret again."
    )
    retryable = False
