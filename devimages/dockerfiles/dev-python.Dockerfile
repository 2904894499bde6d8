# For services in Python: CPython 3.11 with debugpy.
# Written by `go generate ./devimages` of devimages/definitions/dev-python.yaml. Build it at the root of the source tree:
#   docker build -f devimages/dockerfiles/dev-python.Dockerfile -t ghcr.io/nhctl/dev-python:v0.1.0 .
FROM debian:bookworm-slim
RUN mkdir -p /usr/share/man/man1 \
 && apt-get update \
 && apt-get install -y --no-install-recommends bash bash-completion ca-certificates curl git less make procps vim-tiny python3 python3-debugpy python3-pip python3-venv \
 && rm -rf /var/lib/apt/lists/*
RUN useradd --uid 1000 --user-group --create-home --shell /bin/bash dev && chmod 0777 /home/dev
ENV HOME="/home/dev"
ENV PATH="/home/dev/.cache/python/bin:/home/dev/.local/bin:/usr/local/bin:/usr/bin:/bin"
ENV PIP_BREAK_SYSTEM_PACKAGES="1"
ENV PYTHONDONTWRITEBYTECODE="1"
ENV PYTHONUNBUFFERED="1"
ENV PYTHONUSERBASE="/home/dev/.cache/python"
USER 1000
WORKDIR /home/dev
