"""`python -m ementa.testing.openai`: the double by itself, until interrupted."""

import argparse
import signal
from typing import get_args

from ementa.testing.openai.catalogue import Flavour
from ementa.testing.openai.double import OpenAIDouble


def main() -> None:
    """Listen until SIGINT or SIGTERM."""
    parser = argparse.ArgumentParser(
        prog="python -m ementa.testing.openai", description="A double of OpenAI-compatible servers."
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=8000, help="port to listen on; 0 takes a free one")
    parser.add_argument("--key", default="", help="the only key that it takes; without one it takes any request")
    parser.add_argument("--flavour", choices=get_args(Flavour), default="vllm", help="whose words it has")
    arguments = parser.parse_args()
    signals = {signal.SIGINT, signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)  # the double's thread inherits it, so only `sigwait` sees them
    with OpenAIDouble(host=arguments.host, port=arguments.port, key=arguments.key, flavour=arguments.flavour) as double:
        print(f"{double.url}/v1", flush=True)  # noqa: T201
        signal.sigwait(signals)


if __name__ == "__main__":
    main()
