# Two stages: the first builds with everything that the compiler needs, the second holds the program and its libraries.
FROM debian:12-slim AS build
RUN apt-get update && apt-get install -y --no-install-recommends \
        ca-certificates gcc libc6-dev cmake ninja-build pkg-config git \
        librdkafka-dev libhiredis-dev libyaml-dev libjansson-dev libcurl4-openssl-dev libmicrohttpd-dev \
        libxxhash-dev zlib1g-dev \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /source
COPY . .
RUN cmake --preset release -DBELLWETHER_TESTS=OFF && cmake --build --preset release --target bellwether

FROM debian:12-slim
RUN apt-get update && apt-get install -y --no-install-recommends \
        ca-certificates librdkafka1 libhiredis0.14 libyaml-0-2 libjansson4 libcurl4 libmicrohttpd12 zlib1g \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin bellwether
COPY --from=build /source/build/release/cli/bellwether /usr/local/bin/bellwether
COPY config/bellwether.yaml /etc/bellwether/bellwether.yaml
COPY config/rules /etc/bellwether/rules
USER bellwether
WORKDIR /tmp
# Within a container, the loopback that the configuration names is out of everybody's reach.
ENV BELLWETHER_HTTP=0.0.0.0:8410
EXPOSE 8410
STOPSIGNAL SIGTERM
ENTRYPOINT ["bellwether"]
CMD ["run", "-c", "/etc/bellwether/bellwether.yaml"]
