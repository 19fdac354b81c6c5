# Ementa in a container: API, workers and SQLite in one process, Tesseract beside it. See docker-compose.yml.
# Any Debian or Ubuntu with Python 3.11 or newer will do as the base.
ARG BASE_IMAGE=ubuntu:24.04

FROM ${BASE_IMAGE} AS build
ENV DEBIAN_FRONTEND=noninteractive
# Python of the distribution; its minor version follows the base image, so no exact pin here.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends python3 python3-venv \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /build
COPY requirements/base.txt requirements/base.txt
RUN python3 -m venv /opt/ementa \
    && /opt/ementa/bin/python -m pip install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements/base.txt
COPY pyproject.toml README.md LICENSE ./
COPY src src
RUN /opt/ementa/bin/python -m pip install --no-cache-dir --disable-pip-version-check --no-deps --no-build-isolation .
# Bytecode that is valid whatever times the files get on their way into the image: a read-only root cannot make it again.
# What cannot be compiled is code for Python 2, never loaded.
RUN /opt/ementa/bin/python -m compileall -qq -f --invalidation-mode unchecked-hash /opt/ementa/lib || true

FROM ${BASE_IMAGE}
ENV DEBIAN_FRONTEND=noninteractive
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends python3 tini tesseract-ocr tesseract-ocr-por tesseract-ocr-eng \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --gid 10001 ementa \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /data --shell /usr/sbin/nologin ementa \
    && install -d -o 10001 -g 10001 -m 0700 /data
COPY --from=build /opt/ementa /opt/ementa
COPY deploy/entrypoint.sh /usr/local/bin/ementa-entrypoint
RUN chmod 0755 /usr/local/bin/ementa-entrypoint
ENV PATH=/opt/ementa/bin:$PATH \
    EMENTA_DATA=/data \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1
WORKDIR /data
VOLUME /data
USER 10001:10001
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s --retries=3 \
    CMD ["python3", "-c", "import os, urllib.request; urllib.request.urlopen('http://127.0.0.1:' + os.environ.get('EMENTA_APP__PORT', '8000') + '/health/ready', timeout=4)"]
ENTRYPOINT ["tini", "--", "ementa-entrypoint"]
CMD ["serve"]
