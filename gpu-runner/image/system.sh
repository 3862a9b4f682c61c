#!/bin/sh
# Step of the image, on Debian: what building the binding of TensorFlow takes.
set -eu

apt-get update
apt-get install --yes --no-install-recommends g++ python3 python3-pip
rm -rf /var/lib/apt/lists/*
