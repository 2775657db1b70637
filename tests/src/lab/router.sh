# Makes a small router of the new network, mount and process namespaces that this runs in, says the process id that the
# machine knows it by, and stays until its standard input ends. See lab.rs.
set -e
# Through the machine's own /proc; inside, this is process 1.
read -r pid _ </proc/self/stat

mount -t tmpfs none /run
mkdir -p /run/sshd /run/etc/upper /run/etc/work
# Changes to /etc stay here, with or without overlayfs.
mount -t overlay overlay -o lowerdir=/etc,upperdir=/run/etc/upper,workdir=/run/etc/work /etc 2>/dev/null || {
	cp -a /etc /run/etc/copy
	mount --bind /run/etc/copy /etc
}
rm -rf /etc/edgeban
# So do those to /var/lib, where the daemon's state is; without overlayfs nothing else is there.
mkdir -p /run/lib/upper /run/lib/work
mount -t overlay overlay -o lowerdir=/var/lib,upperdir=/run/lib/upper,workdir=/run/lib/work /var/lib 2>/dev/null ||
	mount -t tmpfs none /var/lib
rm -rf /var/lib/edgeban
mount -t tmpfs none /var/log

# A /dev without the machine's /dev/log.
mkdir /run/dev /run/dev/pts
for node in null zero full random urandom tty; do
	: >"/run/dev/$node"
	mount --bind "/dev/$node" "/run/dev/$node"
done
mount --bind /dev/pts /run/dev/pts
ln -s pts/ptmx /run/dev/ptmx
mount --rbind /run/dev /dev

ip link set lo up
ip netns add attackers
ip link add wan type veth peer name eth0 netns attackers
# Where IPv6 is off for new interfaces.
sysctl -qw net.ipv6.conf.wan.disable_ipv6=0 2>/dev/null || :
ip netns exec attackers sysctl -qw net.ipv6.conf.eth0.disable_ipv6=0 2>/dev/null || :
ip addr add 192.0.2.1/24 dev wan
ip addr add 2001:db8::1/64 dev wan nodad
ip link set wan up
ip -n attackers -batch - <<-END
	link set lo up
	addr add 192.0.2.66/24 dev eth0
	addr add 192.0.2.77/24 dev eth0
	addr add 192.0.2.100/24 dev eth0
	addr add 2001:db8::66/64 dev eth0 nodad
	addr add 2001:db8::77/64 dev eth0 nodad
	addr add 2001:db8::100/64 dev eth0 nodad
	link set eth0 up
END

echo "$pid"
exec cat
