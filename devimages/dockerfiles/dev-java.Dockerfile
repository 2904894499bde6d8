# For services in Java, with OpenJDK 17 and Maven.
# Written by `go generate ./devimages` of devimages/definitions/dev-java.yaml. Build it at the root of the source tree:
#   docker build -f devimages/dockerfiles/dev-java.Dockerfile -t ghcr.io/nhctl/dev-java:v0.1.0 .
FROM debian:bookworm-slim
RUN mkdir -p /usr/share/man/man1 \
 && apt-get update \
 && apt-get install -y --no-install-recommends bash bash-completion ca-certificates curl git less make procps vim-tiny openjdk-17-jdk-headless default-jre-headless maven \
 && rm -rf /var/lib/apt/lists/*
RUN useradd --uid 1000 --user-group --create-home --shell /bin/bash dev && chmod 0777 /home/dev
COPY --chmod=0777 devimages/files/java /home/dev/.m2
ENV GRADLE_USER_HOME="/home/dev/.cache/gradle"
ENV HOME="/home/dev"
ENV JAVA_HOME="/usr/lib/jvm/default-java"
ENV PATH="/home/dev/.local/bin:/usr/local/bin:/usr/bin:/bin"
USER 1000
WORKDIR /home/dev
