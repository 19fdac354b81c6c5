"""Failures of the job engine itself."""

from ementa.kit.errors import Conflict, NotFound, Unavailable


class JobNotFound(NotFound):
    """No job has that id: it never existed, or its record was swept after it ended."""

    code = "JOB_NOT_FOUND"
    pt = "Tarefa não encontrada."
    en = "Job not found."


class JobTaken(Conflict):
    """The fencing token is no longer ours: the job was cancelled, or another worker took it over. Whoever gets this
    stops at once and stores nothing."""

    code = "JOB_TAKEN"
    pt = "A tarefa foi cancelada ou assumida por outro processo."
    en = "The job was cancelled or taken over by another worker."


class JobKindUnknown(Conflict):
    """A stored job names a kind that this version does not know."""

    code = "JOB_KIND_UNKNOWN"
    pt = "Esta versão não conhece tarefas do tipo {kind}. Atualize todos os processos para a mesma versão."
    en = "This version knows no job of kind {kind}. Bring every process to the same version."


class JobTimeout(Unavailable):
    """One attempt took longer than its kind allows. Not tried again: it would only hold the queue as long once more."""

    code = "JOB_TIMEOUT"
    pt = "O processamento passou do limite de {seconds} segundos e foi interrompido. Tente um documento menor."
    en = "Processing took longer than {seconds} seconds and was stopped. Try a smaller document."
    retryable = False


class WorkerLost(Unavailable):
    """The process that ran the job died, as many times as the kind may be tried."""

    code = "WORKER_LOST"
    pt = "O processamento parou {attempts} vezes porque o processo que o fazia caiu. Veja os logs do servidor."
    en = "Processing was interrupted {attempts} times because the process doing it died. See the server's logs."
    retryable = False


class DatabaseUnavailable(Unavailable):
    """The database is unreachable, locked or out of disk."""

    code = "DATABASE_UNAVAILABLE"
    pt = "O banco de dados não respondeu ou está sem espaço. Verifique o disco e a conexão; a tarefa será repetida."
    en = "The database did not answer or has no space left. Check disk and connection; the job will be tried again."


class EngineBusy(Conflict):
    """Another process already runs the jobs of this data directory."""

    code = "ENGINE_BUSY"
    pt = "Outro processo do Ementa já usa o diretório de dados {path}. Encerre-o ou use outro diretório (--data)."
    en = "Another Ementa process already uses the data directory {path}. Stop it or use another directory (--data)."
