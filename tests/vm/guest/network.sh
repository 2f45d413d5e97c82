# shellcheck shell=dash
# SPDX-License-Identifier: BSD-3-Clause
# shellcheck disable=SC2034   # the tests use what is set here
# Machines on a network, for the tests that source this: the server is in a
# network namespace of its own, 192.0.2.1, and each client has a link to it.
# What the kernel's nbd sends goes where nbd-client ran.

# within NAMESPACE COMMAND...: a program of the host's, there.
within ()
{
  local namespace=$1
  shift
  host nsenter "--net=/run/netns/$namespace" "$@"
}

add_namespace ()
{
  must host ip netns add "$1"
  must within "$1" ip link set lo up
}

# The server's: its clients' links end at a bridge there.
add_server_namespace ()
{
  modprobe veth
  modprobe bridge
  modprobe sch_netem
  add_namespace server
  must within server ip link add lan type bridge
  must within server ip address add 192.0.2.1/24 dev lan
  must within server ip link set lan up
}

# add_link NAME: a device here and one in the server's namespace.
add_link ()
{
  must host ip link add "$1" type veth peer name "$1" netns server
  must within server ip link set "$1" master lan up
}

# add_client NAME ADDRESS: a machine of that name.
add_client ()
{
  add_namespace "$1"
  add_link "$1"
  must host ip link set "$1" netns "$1"
  must within "$1" ip address add "$2/24" dev "$1"
  must within "$1" ip link set "$1" up
}
