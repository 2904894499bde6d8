# For services in Go: the toolchain, delve, and a build cache of the standard library that is warm from the first build on.
# Written by `go generate ./devimages` of devimages/definitions/dev-go.yaml. Build it at the root of the source tree:
#   docker build -f devimages/dockerfiles/dev-go.Dockerfile -t ghcr.io/nhctl/dev-go:v0.1.0 .
FROM golang:1.26 AS build2
RUN CGO_ENABLED=0 GOBIN=/out go install -trimpath -ldflags '-s -w' github.com/go-delve/delve/cmd/dlv@v1.27.2

FROM debian:bookworm-slim
RUN mkdir -p /usr/share/man/man1 \
 && apt-get update \
 && apt-get install -y --no-install-recommends bash bash-completion ca-certificates curl git less make procps vim-tiny \
 && rm -rf /var/lib/apt/lists/*
RUN useradd --uid 1000 --user-group --create-home --shell /bin/bash dev && chmod 0777 /home/dev
COPY --from=golang:1.26 /usr/local/go /usr/local/go
COPY --from=build2 /out/dlv /usr/local/bin/dlv
RUN export PATH=/usr/local/go/bin:/home/dev/go/bin:/usr/local/bin:/usr/bin:/bin CGO_ENABLED=0 GOFLAGS=-buildvcs=false GOCACHE=/home/dev/.cache/go-build \
 && go build net/http net/http/httputil encoding/json encoding/xml log/slog os/signal database/sql html/template testing embed flag net/rpc expvar net/http/pprof os/exec crypto/ed25519 archive/zip \
 && go build '-gcflags=all=-N -l' net/http net/http/httputil encoding/json encoding/xml log/slog os/signal database/sql html/template testing embed flag net/rpc expvar net/http/pprof os/exec crypto/ed25519 archive/zip \
 && chmod -R a+rwX /home/dev
ENV CGO_ENABLED="0"
ENV GOCACHE="/home/dev/.cache/go-build"
ENV GOFLAGS="-buildvcs=false"
ENV GOMODCACHE="/home/dev/.cache/go-mod"
ENV GOTOOLCHAIN="local"
ENV HOME="/home/dev"
ENV PATH="/usr/local/go/bin:/home/dev/go/bin:/usr/local/bin:/usr/bin:/bin"
USER 1000
WORKDIR /home/dev
