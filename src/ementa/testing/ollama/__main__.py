"""`python -m ementa.testing.ollama`: the double by itself, until interrupted."""

import argparse
import signal

from ementa.testing.ollama.double import OllamaDouble


def main() -> None:
    """Listen until SIGINT or SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m ementa.testing.ollama", description="A double of Ollama 0.32.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=11434, help="port to listen on; 0 takes a free one")
    arguments = parser.parse_args()
    signals = {signal.SIGINT, signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)  # the double's thread inherits it, so only `sigwait` sees them
    with OllamaDouble(host=arguments.host, port=arguments.port) as double:
        print(double.url, flush=True)  # noqa: T201
        signal.sigwait(signals)


if __name__ == "__main__":
    main()
