#!/bin/sh
# Makes a machine an LVS-DR real server, however often it is run: for an image, a first boot, or a pipe into ssh.
# usage: real-server.sh VIP:PORT/PROTOCOL DIRECTOR
set -eu
[ -e /etc/rs-agent/config.yaml ] || rs-agent init --role real-server --vip "$1" --director "$2" --yes
rs-agent apply
rs-agent service install
