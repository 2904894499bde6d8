# For services in Ruby, with Bundler and the debug gem.
# Written by `go generate ./devimages` of devimages/definitions/dev-ruby.yaml. Build it at the root of the source tree:
#   docker build -f devimages/dockerfiles/dev-ruby.Dockerfile -t ghcr.io/nhctl/dev-ruby:v0.1.0 .
FROM debian:trixie-slim
RUN mkdir -p /usr/share/man/man1 \
 && apt-get update \
 && apt-get install -y --no-install-recommends bash bash-completion ca-certificates curl git less make procps vim-tiny ruby ruby-bundler \
 && rm -rf /var/lib/apt/lists/*
RUN useradd --uid 1000 --user-group --create-home --shell /bin/bash dev && chmod 0777 /home/dev
ENV BUNDLE_PATH="/home/dev/.cache/bundle"
ENV GEM_HOME="/home/dev/.cache/gem"
ENV HOME="/home/dev"
ENV LANG="C.UTF-8"
ENV PATH="/home/dev/.cache/gem/bin:/home/dev/.local/bin:/usr/local/bin:/usr/bin:/bin"
USER 1000
WORKDIR /home/dev
