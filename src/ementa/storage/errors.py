"""Failures of the blob store."""

from ementa.kit.errors import NotFound, TooLarge, Unavailable


class BlobNotFound(NotFound):
    """No content under that key."""

    code = "BLOB_NOT_FOUND"
    pt = "O conteúdo do arquivo não está mais guardado."
    en = "The file's content is no longer stored."


class BlobTooLarge(TooLarge):
    """The stream went past its limit."""

    code = "FILE_TOO_LARGE"
    pt = "O arquivo passa do limite de {limit_mb} MB."
    en = "The file is larger than the limit of {limit_mb} MB."


class StorageFull(Unavailable):
    """The disk has no room left."""

    code = "STORAGE_FULL"
    pt = "Sem espaço em disco para guardar o arquivo. Nada foi perdido: libere espaço e envie de novo."
    en = "No disk space left to store the file. Nothing was lost: free some space and send it again."


class DataDirectoryUnusable(Unavailable):
    """The data directory cannot be made or written."""

    code = "DATA_DIRECTORY_UNUSABLE"
    pt = (
        "O diretório de dados {path} não pode ser usado ({cause}). Dê permissão de escrita ao usuário do Ementa "
        "ou escolha outro com --data ou EMENTA_DATA."
    )
    en = (
        "The data directory {path} cannot be used ({cause}). Make it writable for the user that runs Ementa "
        "or choose another with --data or EMENTA_DATA."
    )
    retryable = False
