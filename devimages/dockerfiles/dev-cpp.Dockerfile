# For services in C and C++, with GCC, CMake, and LLDB's debug adapter.
# Written by `go generate ./devimages` of devimages/definitions/dev-cpp.yaml. Build it at the root of the source tree:
#   docker build -f devimages/dockerfiles/dev-cpp.Dockerfile -t ghcr.io/nhctl/dev-cpp:v0.1.0 .
FROM debian:bookworm-slim
RUN printf 'path-exclude=/usr/lib/llvm-14/include/*\npath-exclude=/usr/lib/llvm-14/build/*\npath-exclude=/usr/lib/llvm-14/lib/*.a\npath-exclude=/usr/lib/llvm-14/lib/LLVMPolly.so\npath-exclude=/usr/lib/llvm-14/bin/[!l]*\npath-exclude=/usr/lib/llvm-14/bin/ll[!d]*\npath-exclude=/usr/include/llvm-14/*\npath-exclude=/usr/include/llvm-c-14/*\npath-exclude=/usr/bin/*-lto-dump-12\npath-exclude=/usr/lib/*/libicu*.a\n' > /etc/dpkg/dpkg.cfg.d/exclude
RUN mkdir -p /usr/share/man/man1 \
 && apt-get update \
 && apt-get install -y --no-install-recommends bash bash-completion ca-certificates curl git less make procps vim-tiny cmake g++ libc6-dev lldb \
 && rm -rf /var/lib/apt/lists/*
RUN useradd --uid 1000 --user-group --create-home --shell /bin/bash dev && chmod 0777 /home/dev
ENV CMAKE_BUILD_TYPE="Debug"
ENV HOME="/home/dev"
ENV PATH="/home/dev/.local/bin:/usr/local/bin:/usr/bin:/bin"
ENV PYTHONPATH="/usr/lib/llvm-14/lib/python3.11/dist-packages"
USER 1000
WORKDIR /home/dev
