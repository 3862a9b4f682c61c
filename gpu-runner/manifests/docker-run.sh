#!/bin/sh
# The runner on a machine with Docker and the NVIDIA Container Toolkit, until `docker stop nasturtium-runner`:
#
#     export NASTURTIUM_EDGE=... NASTURTIUM_TOKEN=...
#     sh gpu-runner/manifests/docker-run.sh ghcr.io/OWNER/nasturtium-runner@sha256:...
set -eu

image=${1:?give the image, by digest}
: "${NASTURTIUM_EDGE:?set it to the address of the edge}"
: "${NASTURTIUM_TOKEN:?set it to a token of scope runner}"
export NASTURTIUM_EDGE NASTURTIUM_TOKEN

# Names without values: docker reads them from the environment, so that no list of processes shows the token.
exec docker run --detach --name nasturtium-runner --gpus all --restart on-failure:3 --stop-timeout 60 \
  --env NASTURTIUM_EDGE --env NASTURTIUM_TOKEN --env NASTURTIUM_NAME="$(hostname)" \
  "$image" runner --self-test
