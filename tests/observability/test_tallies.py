"""What is scraped is what `prometheus_client` would say."""

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

from ementa.observability.tallies import Spreads, Tallies

BOUNDS = (0.005, 0.5, 1.0, 30.0)


def test_they_say_what_the_library_would() -> None:
    theirs, ours = CollectorRegistry(), CollectorRegistry()
    counter = Counter("a_things_total", "Things.", ("kind", "size"), registry=theirs)
    histogram = Histogram("a_seconds", "Time.", ("kind",), buckets=BOUNDS, registry=theirs)
    tallies = Tallies(ours, "a_things", "Things.", ("kind", "size"))
    spreads = Spreads(ours, "a_seconds", "Time.", ("kind",), BOUNDS)
    for kind, size, times in (("x", "1", 3), ('y"\n', "2", 1)):
        counter.labels(kind, size).inc(times)
        tallies.of(kind, size).value += times
        for seconds in (0.0, 0.005, 0.0051, 1, 30, 30.5, 400):
            histogram.labels(kind).observe(seconds * times)
            spreads.of(kind).observe(seconds * times)
    lines = [line for line in generate_latest(theirs).decode().splitlines() if "_created" not in line]
    assert generate_latest(ours).decode().splitlines() == lines
