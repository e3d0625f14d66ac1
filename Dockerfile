# The image of open-local: `docker build .`, or `make image` without an engine or a registry (docs/decisions/0019), which
# puts what it has built itself in the place of the stages `build` and `system`.
ARG BASE=debian:bookworm-slim
ARG BUILDER=node:24-bookworm-slim

# /program: files/ with the bundles and what starts them, node/ with the Node that package-lock.json pins.
FROM ${BUILDER} AS build
WORKDIR /source
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY . .
RUN npm run --silent build && tools/image/program.sh /program

# The programs that the agent runs. xfsprogs wants Python and the tables of Unicode for xfs_scrub alone, which nobody
# here runs; without them the image is a third smaller. smartctl is 2 MB. Nothing may gain rights by being run.
FROM ${BASE} AS system
ARG DEBIAN_FRONTEND=noninteractive
RUN apt-get update -qq \
 && apt-get install -y -qq --no-install-recommends \
      btrfs-progs cryptsetup-bin e2fsprogs libatomic1 libstdc++6 lvm2 mount smartmontools util-linux xfsprogs \
 && rm -f /usr/sbin/xfs_scrub* /usr/lib/*/xfsprogs/xfs_scrub* /usr/sbin/smartd /usr/sbin/update-smart-drivedb \
 && dpkg --purge --force-depends $(dpkg-query --show --showformat '${Package}\n' '*python3*' 'libicu*' media-types) \
 && find / -xdev -type f -perm /6000 -exec chmod a-s {} + \
 && groupadd --gid 65532 open-local \
 && useradd --uid 65532 --gid 65532 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin open-local \
 && mkdir -p /csi /mnt/open-local /var/lib/kubelet \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/cache/debconf/* /var/cache/ldconfig/* /var/log/* /var/lib/dpkg/*-old \
      /etc/passwd- /etc/group- /etc/shadow- /etc/gshadow- /etc/subuid- /etc/subgid- /tmp/* /run/*

FROM system AS node
COPY --from=build /program/node /

FROM node
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="open-local" \
      org.opencontainers.image.description="Local disks as ordinary Kubernetes storage: scheduler extender, operator, node agent and CSI driver" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.base.name="docker.io/library/debian:bookworm-slim"
COPY --from=build /program/files /
ENV PATH=/opt/open-local/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
# The operator's. The agent needs root, and its DaemonSet says so.
USER 65532:65532
ENTRYPOINT ["open-local"]
CMD ["--help"]
