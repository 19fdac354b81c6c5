"""Why new work is refused for now."""

from ementa.kit.errors import Unavailable


class DiskLow(Unavailable):
    """Too little disk is free to take another file safely."""

    code = "DISK_LOW"
    pt = (
        "O disco tem só {free_mb} MB livres e o mínimo é {min_mb} MB: novos envios estão suspensos. "
        "Libere espaço ou ajuste EMENTA_UPKEEP__MIN_FREE_DISK_BYTES."
    )
    en = (
        "The disk has only {free_mb} MB free and the minimum is {min_mb} MB: new uploads are suspended. "
        "Free some space or adjust EMENTA_UPKEEP__MIN_FREE_DISK_BYTES."
    )


class MemoryLow(Unavailable):
    """Ementa uses as much memory as it may."""

    code = "MEMORY_LOW"
    pt = (
        "O Ementa usa {used_mb} MB de memória e o limite é {max_mb} MB: novos envios e chamadas a modelos esperam o "
        "trabalho em curso. Tente de novo em instantes ou ajuste EMENTA_UPKEEP__MAX_RSS_BYTES."
    )
    en = (
        "Ementa uses {used_mb} MB of memory and the limit is {max_mb} MB: new uploads and calls to models wait for the "
        "work in progress. Try again in a moment or adjust EMENTA_UPKEEP__MAX_RSS_BYTES."
    )


class GpuMemoryLow(Unavailable):
    """Every GPU of this machine is as full as it may be."""

    code = "GPU_MEMORY_LOW"
    pt = (
        "As GPUs desta máquina têm {used} % da memória em uso e o limite é {most} %: novas chamadas a modelos daqui "
        "esperam as que estão em curso. Tente de novo em instantes, descarregue um modelo (`ementa models unload`) "
        "ou ajuste EMENTA_UPKEEP__MAX_GPU_MEMORY_SHARE."
    )
    en = (
        "The GPUs of this machine have {used} % of their memory in use and the limit is {most} %: new calls to models "
        "that run here wait for those in progress. Try again in a moment, unload a model (`ementa models unload`) "
        "or adjust EMENTA_UPKEEP__MAX_GPU_MEMORY_SHARE."
    )
