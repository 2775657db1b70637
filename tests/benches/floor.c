/*
 * The least that a ban can cost: one element into a set of nf_tables, with libmnl, acknowledged.
 *
 * usage: floor TABLE loop BANS PER_MESSAGE   that many bans, so many elements a message, one message a batch; prints
 *                                            the seconds of all, then the nanoseconds of each batch, one a line
 *        floor TABLE pipe                    bans each 4-byte IPv4 address that comes on standard input by itself
 *
 * TABLE is of family inet and has the set banned_ipv4, as edgeban makes it.
 */
#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static struct mnl_socket *netfilter;
static const char *table;
static uint32_t sequence;

static void die(const char *what)
{
	fprintf(stderr, "floor: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint64_t now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static struct nlmsghdr *message(char *at, uint16_t type, uint16_t flags, uint8_t family, uint16_t subsystem)
{
	struct nlmsghdr *header = mnl_nlmsg_put_header(at);
	struct nfgenmsg *body;

	header->nlmsg_type = type;
	header->nlmsg_flags = NLM_F_REQUEST | flags;
	header->nlmsg_seq = sequence++;
	body = mnl_nlmsg_put_extra_header(header, sizeof *body);
	body->nfgen_family = family;
	body->version = NFNETLINK_V0;
	body->res_id = htons(subsystem);
	return header;
}

/* Bans `count` addresses in one batch, and waits for the kernel's word. Addresses are in network order. */
static void ban(const uint32_t *addresses, size_t count)
{
	static char batch[1 << 16];
	char answer[4096], *at = batch;
	struct nlmsghdr *header;
	struct nlattr *list;
	const struct nlmsgerr *error;

	header = message(at, NFNL_MSG_BATCH_BEGIN, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES);
	at += MNL_ALIGN(header->nlmsg_len);
	header = message(at, NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWSETELEM, NLM_F_CREATE | NLM_F_ACK, NFPROTO_INET, 0);
	mnl_attr_put_strz(header, NFTA_SET_ELEM_LIST_TABLE, table);
	mnl_attr_put_strz(header, NFTA_SET_ELEM_LIST_SET, "banned_ipv4");
	list = mnl_attr_nest_start(header, NFTA_SET_ELEM_LIST_ELEMENTS);
	for (size_t i = 0; i < count; i++) {
		struct nlattr *element = mnl_attr_nest_start(header, NFTA_LIST_ELEM);
		struct nlattr *key = mnl_attr_nest_start(header, NFTA_SET_ELEM_KEY);
		uint64_t hour = htobe64(3600 * 1000);

		mnl_attr_put(header, NFTA_DATA_VALUE, sizeof *addresses, &addresses[i]);
		mnl_attr_nest_end(header, key);
		mnl_attr_put(header, NFTA_SET_ELEM_TIMEOUT, sizeof hour, &hour);
		mnl_attr_nest_end(header, element);
	}
	mnl_attr_nest_end(header, list);
	at += MNL_ALIGN(header->nlmsg_len);
	header = message(at, NFNL_MSG_BATCH_END, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES);
	at += MNL_ALIGN(header->nlmsg_len);

	if (mnl_socket_sendto(netfilter, batch, (size_t)(at - batch)) < 0)
		die("send");
	if (mnl_socket_recvfrom(netfilter, answer, sizeof answer) < 0)
		die("receive");
	header = (struct nlmsghdr *)answer;
	error = mnl_nlmsg_get_payload(header);
	if (header->nlmsg_type != NLMSG_ERROR || error->error != 0) {
		errno = header->nlmsg_type == NLMSG_ERROR ? -error->error : EPROTO;
		die("the kernel refused the ban");
	}
}

static void loop(size_t bans, size_t per_message)
{
	uint32_t first = ntohl(inet_addr("198.18.0.0"));
	uint32_t *addresses = calloc(per_message, sizeof *addresses);
	uint64_t *took = calloc(bans / per_message + 1, sizeof *took), start = now();
	size_t batches = 0;

	if (addresses == NULL || took == NULL)
		die("memory");
	for (size_t done = 0; done < bans; batches++) {
		size_t count = bans - done < per_message ? bans - done : per_message;
		uint64_t begin = now();

		for (size_t i = 0; i < count; i++)
			addresses[i] = htonl(first + (uint32_t)(done + i));
		ban(addresses, count);
		took[batches] = now() - begin;
		done += count;
	}
	printf("%.9f\n", (double)(now() - start) / 1e9);
	for (size_t i = 0; i < batches; i++)
		printf("%llu\n", (unsigned long long)took[i]);
}

int main(int argc, char **argv)
{
	if (argc < 3)
		return 2;
	table = argv[1];
	netfilter = mnl_socket_open(NETLINK_NETFILTER);
	if (netfilter == NULL || mnl_socket_bind(netfilter, 0, MNL_SOCKET_AUTOPID) < 0)
		die("netlink");
	if (strcmp(argv[2], "loop") == 0 && argc == 5) {
		size_t per_message = strtoul(argv[4], NULL, 10);

		/* An attribute's length has 16 bits, an element takes 28 bytes. */
		if (per_message < 1 || per_message > 1024)
			return 2;
		loop(strtoul(argv[3], NULL, 10), per_message);
	} else if (strcmp(argv[2], "pipe") == 0) {
		uint32_t address;

		while (read(STDIN_FILENO, &address, sizeof address) == sizeof address)
			ban(&address, 1);
	} else {
		return 2;
	}
	return 0;
}
