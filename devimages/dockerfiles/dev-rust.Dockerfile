# For services in Rust, with rustc, Cargo, and LLDB's debug adapter.
# Written by `go generate ./devimages` of devimages/definitions/dev-rust.yaml. Build it at the root of the source tree:
#   docker build -f devimages/dockerfiles/dev-rust.Dockerfile -t ghcr.io/nhctl/dev-rust:v0.1.0 .
FROM debian:trixie-slim
RUN printf 'path-exclude=/usr/lib/llvm-19/include/*\npath-exclude=/usr/lib/llvm-19/build/*\npath-exclude=/usr/lib/llvm-19/lib/*.a\npath-exclude=/usr/lib/llvm-19/lib/LLVMPolly.so\npath-exclude=/usr/lib/llvm-19/bin/[!l]*\npath-exclude=/usr/lib/llvm-19/bin/ll[!d]*\npath-exclude=/usr/include/llvm-19/*\npath-exclude=/usr/include/llvm-c-19/*\npath-exclude=/usr/bin/*-lto-dump-14\n' > /etc/dpkg/dpkg.cfg.d/exclude
RUN mkdir -p /usr/share/man/man1 \
 && apt-get update \
 && apt-get install -y --no-install-recommends bash bash-completion ca-certificates curl git less make procps vim-tiny cargo rustc gcc libc6-dev libssl-dev lldb pkg-config \
 && rm -rf /var/lib/apt/lists/*
RUN useradd --uid 1000 --user-group --create-home --shell /bin/bash dev && chmod 0777 /home/dev
ENV CARGO_HOME="/home/dev/.cache/cargo"
ENV HOME="/home/dev"
ENV PATH="/home/dev/.cache/cargo/bin:/home/dev/.local/bin:/usr/local/bin:/usr/bin:/bin"
USER 1000
WORKDIR /home/dev
