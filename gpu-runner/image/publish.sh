#!/bin/sh
# Builds the runner's image, pushes it and prints it by digest, which is what --image and manifests take:
#
#     docker login ghcr.io
#     sh gpu-runner/image/publish.sh ghcr.io/OWNER/nasturtium-runner [TAG]
#
# CONTAINER_ENGINE=podman uses podman. The digest is all that goes to stdout.
set -eu

repository=${1:?give the repository of a registry that you are logged in to, such as ghcr.io/OWNER/nasturtium-runner}
engine=${CONTAINER_ENGINE:-docker}
cd "$(dirname "$0")/../.."
version=$(sed -n 's/^  "version": "\(.*\)",$/\1/p' package.json)
image=$repository:${2:-$version}

"$engine" build --platform linux/amd64 --file gpu-runner/Dockerfile --tag "$image" . >&2
"$engine" push "$image" >&2
# An image can have been pushed to several repositories.
"$engine" inspect --format '{{range .RepoDigests}}{{println .}}{{end}}' "$image" | grep -F -m 1 "$repository@sha256:"
