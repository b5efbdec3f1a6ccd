#!/bin/sh
# Makes a machine an LVS-DR real server, however often it is run: for an image, a first boot, or a pipe into ssh.
# usage: real-server.sh VIP:PORT/PROTOCOL DIRECTOR
set -eu
# 65: there is no configuration, or one that says nothing yet. One that is wrong init refuses to replace.
status=0
rs-agent plan >/dev/null 2>&1 || status=$?
[ "$status" != 65 ] || rs-agent init --role real-server --vip "$1" --director "$2" --yes
rs-agent apply
rs-agent service install
