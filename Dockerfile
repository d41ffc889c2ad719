# SPDX-License-Identifier: Apache-2.0
#
#   docker build -t modeltap .                     GPUs by NVML; needs glibc
#   docker build -t modeltap --target static .     without GPUs, from scratch
#
# The image runs as nobody. Its capabilities are permitted, not effective: the
# program raises them itself, and starts with fewer where the container gets
# fewer. Build with BuildKit: the legacy builder loses them.

FROM golang:1.26-bookworm AS source
WORKDIR /src
RUN apt-get update \
 && apt-get install -y --no-install-recommends libcap2-bin \
 && rm -rf /var/lib/apt/lists/*
COPY go.mod go.sum ./
RUN --mount=type=cache,target=/go/pkg/mod go mod download
COPY . .
ARG VERSION=devel
ARG REVISION=unknown
ENV FLAGS="-trimpath -buildvcs=false"
ENV LDFLAGS="-s -w -buildid= -X github.com/prometheus/common/version.Version=${VERSION} -X github.com/prometheus/common/version.Revision=${REVISION}"
ENV CAPABILITIES="cap_bpf,cap_net_admin,cap_perfmon,cap_net_raw,cap_sys_ptrace,cap_dac_read_search,cap_syslog=p"

FROM source AS build-static
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build \
    CGO_ENABLED=0 go build $FLAGS -ldflags "$LDFLAGS" -o /out/modeltap ./cmd/modeltap \
 && setcap "$CAPABILITIES" /out/modeltap

FROM source AS build
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build \
    CGO_ENABLED=1 CGO_CFLAGS="-O2 -Wno-deprecated-declarations" go build $FLAGS -ldflags "$LDFLAGS" -o /out/modeltap ./cmd/modeltap \
 && setcap "$CAPABILITIES" /out/modeltap

FROM scratch AS static
COPY --from=build-static /out/modeltap /usr/bin/modeltap
USER 65534:65534
EXPOSE 9478
ENTRYPOINT ["/usr/bin/modeltap"]
CMD ["run"]

# glibc: NVML is a shared library of the host's driver.
FROM gcr.io/distroless/base-nossl-debian12 AS gpu
COPY --from=build /out/modeltap /usr/bin/modeltap
# The NVIDIA container runtime adds the library and the devices.
ENV NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=utility
USER 65534:65534
EXPOSE 9478
ENTRYPOINT ["/usr/bin/modeltap"]
CMD ["run"]
