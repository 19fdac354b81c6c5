"""Why a file could not be read: every cause has its own code and says what to do."""

from ementa.kit.errors import Invalid, TooLarge, Unavailable


class FileEmpty(Invalid):
    """The file has no bytes."""

    code = "FILE_EMPTY"
    pt = "O arquivo está vazio. Confira se ele foi salvo por inteiro e envie de novo."
    en = "The file is empty. Check that it was saved completely and send it again."


class ExtensionRefused(Invalid):
    """The file's extension is not on the administrator's list."""

    code = "EXTENSION_REFUSED"
    pt = "Arquivos com a extensão {extension} não são aceitos. Envie um destes: {allowed}."
    en = "Files with the extension {extension} are not accepted. Send one of these: {allowed}."


class ContentMismatch(Invalid):
    """The content is of another type than the extension says."""

    code = "CONTENT_MISMATCH"
    pt = "O conteúdo não é o que a extensão {extension} promete: parece ser {found}. Corrija o nome ou o arquivo."
    en = "The content is not what the extension {extension} promises: it looks like {found}. Fix the name or the file."


class MediaTypeRefused(Invalid):
    """The content is of a type that Ementa does not read, or that the administrator does not accept."""

    code = "MEDIA_TYPE_REFUSED"
    pt = "Este tipo de conteúdo ({found}) não é aceito. Converta-o para um destes: {allowed}."
    en = "This type of content ({found}) is not accepted. Convert it to one of these: {allowed}."


class FileEncrypted(Invalid):
    """The file asks for a password."""

    code = "FILE_ENCRYPTED"
    pt = "O arquivo está protegido por senha. Remova a proteção e envie de novo."
    en = "The file is protected by a password. Remove the protection and send it again."


class FileCorrupt(Invalid):
    """The file does not follow its own format. `cause` is the engine's short reason."""

    code = "FILE_CORRUPT"
    pt = "O arquivo está danificado ou incompleto e não pôde ser lido ({cause}). Gere-o ou digitalize-o de novo."
    en = "The file is damaged or incomplete and could not be read ({cause}). Export or scan it again."


class DecompressionBomb(TooLarge):
    """Unpacked, the file would be out of all proportion to its size."""

    code = "DECOMPRESSION_BOMB"
    pt = "O arquivo, descompactado, passa do limite de segurança ({cause}). Se ele é legítimo, divida-o em partes."
    en = "Unpacked, the file goes past the safety limit ({cause}). If it is legitimate, split it into parts."


class TooManyPages(TooLarge):
    """More pages than the limit."""

    code = "TOO_MANY_PAGES"
    pt = "O documento tem {pages} páginas; o limite é {limit}. Divida-o e envie as partes."
    en = "The document has {pages} pages; the limit is {limit}. Split it and send the parts."


class TooManyPixels(TooLarge):
    """An image larger than the limit."""

    code = "TOO_MANY_PIXELS"
    pt = "A imagem tem {width} × {height} pontos; o limite é de {limit_mp} megapixels. Reduza-a e envie de novo."
    en = "The image has {width} × {height} pixels; the limit is {limit_mp} megapixels. Reduce it and send it again."


class TooManyWords(TooLarge):
    """More text, or more cells, than the limit."""

    code = "TOO_MUCH_TEXT"
    pt = "O documento tem texto demais (o limite é de {limit} palavras ou células). Divida-o e envie as partes."
    en = "The document has too much text (the limit is {limit} words or cells). Split it and send the parts."


class TooDeep(TooLarge):
    """Files inside files, or elements inside elements, past the limit."""

    code = "TOO_DEEP"
    pt = "O documento tem níveis demais de conteúdo aninhado (o limite é {limit})."
    en = "The document nests its content too deeply (the limit is {limit} levels)."


class ExtractionTimeout(Invalid):
    """Reading went past its limit of wall clock or CPU time."""

    code = "EXTRACTION_TIMEOUT"
    pt = "A leitura do arquivo passou do limite de {seconds} s e foi interrompida. Divida-o ou simplifique-o."
    en = "Reading the file went past the limit of {seconds} s and was stopped. Split it or simplify it."


class ExtractionOutOfMemory(TooLarge):
    """Reading went past the memory limit of a child process."""

    code = "EXTRACTION_OUT_OF_MEMORY"
    pt = "A leitura do arquivo passou do limite de memória ({limit_mb} MB) e foi interrompida. Divida-o ou reduza-o."
    en = "Reading the file went past the memory limit ({limit_mb} MB) and was stopped. Split it or reduce it."


class ExtractionCrashed(Invalid):
    """The child process that read the file died. `details` holds the signal or exit status; the log, its last words."""

    code = "EXTRACTION_CRASHED"
    pt = "O leitor parou de repente ao processar este arquivo, que deve estar danificado. Gere-o de novo e reenvie."
    en = "The reader stopped abruptly on this file, which is probably damaged. Export it again and resend it."


class ExtractionBug(Invalid):
    """An error of ours while reading; `details` names its type, and the log has its place, under the request id."""

    code = "EXTRACTION_FAILED"
    pt = "O arquivo não pôde ser lido por um erro interno do leitor ({cause}). Relate-o com o X-Request-Id."
    en = "The file could not be read because of an internal error of the reader ({cause}). Report it with X-Request-Id."


class OcrUnavailable(Unavailable):
    """Tesseract's language data is not installed."""

    code = "OCR_UNAVAILABLE"
    pt = (
        "O OCR não está instalado neste servidor ({cause}). "
        "Instale-o com: apt install tesseract-ocr tesseract-ocr-por (ou aponte EMENTA_EXTRACTION__TESSDATA)."
    )
    en = (
        "OCR is not installed on this server ({cause}). "
        "Install it with: apt install tesseract-ocr tesseract-ocr-por (or point EMENTA_EXTRACTION__TESSDATA to it)."
    )
    retryable = False


class FormatUnsupported(Invalid):
    """A variant of a known format that is not read: too old, or a rare relative. `found` names it."""

    code = "FORMAT_UNSUPPORTED"
    pt = "Esta variante de arquivo não é lida ({found}). Salve-a como {instead} e envie de novo."
    en = "This variant of the file is not read ({found}). Save it as {instead} and send it again."


class SandboxUnavailable(Unavailable):
    """No child process could be started."""

    code = "SANDBOX_UNAVAILABLE"
    pt = "Não foi possível iniciar um processo de leitura ({cause}). Tente de novo em instantes."
    en = "A reading process could not be started ({cause}). Try again shortly."
