# Puts a server into a network of its own behind the router of a lab, which forwards, and gives the attackers more
# addresses. Runs on the router. See lab.rs.
set -e
ip netns add server
ip link add lan type veth peer name eth0 netns server
sysctl -qw net.ipv6.conf.lan.disable_ipv6=0 2>/dev/null || :
ip netns exec server sysctl -qw net.ipv6.conf.eth0.disable_ipv6=0 2>/dev/null || :
# Neighbours are sought from link-local addresses, which the kernel's own are not at once (duplicate detection).
ip -batch - <<-END
	addr add fe80::1/64 dev wan nodad
	addr add fe80::1/64 dev lan nodad
	addr add 203.0.113.1/24 dev lan
	addr add 2001:db8:1::1/64 dev lan nodad
	link set lan up
	route add 198.51.100.0/23 via 192.0.2.66
	route add 2001:db8:aa::/48 via 2001:db8::66
END
ip -n server -batch - <<-END
	link set lo up
	addr add fe80::2/64 dev eth0 nodad
	addr add 203.0.113.2/24 dev eth0
	addr add 2001:db8:1::2/64 dev eth0 nodad
	link set eth0 up
	route add default via 203.0.113.1
	route add default via 2001:db8:1::1
END
ip -n attackers -batch - <<-END
	addr add fe80::66/64 dev eth0 nodad
	route add 203.0.113.0/24 via 192.0.2.1
	route add 2001:db8:1::/64 via 2001:db8::1
END
for addr in 198.51.100.1/32 198.51.100.2/32 198.51.100.3/32 198.51.101.1/32; do
	ip -n attackers addr add $addr dev lo
done
for addr in bb00::1 bb00::2 bb00::3 bb01::1 bb10::1 bc00::1; do
	ip -n attackers addr add 2001:db8:aa:$addr/128 dev lo
done
sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
# Each attempt is to be answered.
sysctl -qw net.ipv4.icmp_ratelimit=0 net.ipv6.icmp.ratelimit=0
sysctl -qw net.ipv4.icmp_msgs_per_sec=100000 net.ipv4.icmp_msgs_burst=10000 2>/dev/null || :
