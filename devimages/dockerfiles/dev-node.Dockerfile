# For services in JavaScript and TypeScript: Node.js with its built-in inspector, and npm.
# Written by `go generate ./devimages` of devimages/definitions/dev-node.yaml. Build it at the root of the source tree:
#   docker build -f devimages/dockerfiles/dev-node.Dockerfile -t ghcr.io/nhctl/dev-node:v0.1.0 .
FROM node:18 AS build1
RUN npm install --global --prefix /out npm@10.9.2

FROM debian:bookworm-slim
RUN mkdir -p /usr/share/man/man1 \
 && apt-get update \
 && apt-get install -y --no-install-recommends bash bash-completion ca-certificates curl git less make procps vim-tiny nodejs \
 && rm -rf /var/lib/apt/lists/*
RUN useradd --uid 1000 --user-group --create-home --shell /bin/bash dev && chmod 0777 /home/dev
COPY --from=build1 /out /usr/local
ENV HOME="/home/dev"
ENV NPM_CONFIG_CACHE="/home/dev/.cache/npm"
ENV NPM_CONFIG_PREFIX="/home/dev/.local"
ENV NPM_CONFIG_UPDATE_NOTIFIER="false"
ENV PATH="/home/dev/.local/bin:/usr/local/bin:/usr/bin:/bin"
USER 1000
WORKDIR /home/dev
