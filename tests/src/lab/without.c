/* Runs a program on a kernel without some of its parts, as far as the program can see.
 *
 * usage: without nfnetlink|raw|both PROGRAM [ARGUMENT ...]
 *
 * nfnetlink: socket(AF_NETLINK, _, NETLINK_NETFILTER) is EPROTONOSUPPORT, as where CONFIG_NETFILTER_NETLINK is not set.
 * raw: socket(AF_INET or AF_INET6, SOCK_RAW, _) is EPERM, as without CAP_NET_RAW. */
#include <errno.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define ARG(n) LOAD(args[n]) /* its low half, on little endian machines */
#define IS(value, yes, no) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, yes, no)
#define GIVE(what) BPF_STMT(BPF_RET | BPF_K, what)

int main(int argc, char **argv)
{
	if (argc < 3)
		return 2;
	int nfnetlink = strcmp(argv[1], "raw") != 0, raw = strcmp(argv[1], "nfnetlink") != 0;
	struct sock_filter filter[] = {
		LOAD(nr),
		IS(__NR_socket, 0, 9),
		ARG(0),
		IS(AF_NETLINK, 0, 3),
		ARG(2),
		IS(NETLINK_NETFILTER, 0, 5),
		GIVE(SECCOMP_RET_ERRNO | EPROTONOSUPPORT),
		/* Flags are above the type. */
		ARG(1),
		BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 15),
		IS(SOCK_RAW, 0, 1),
		GIVE(SECCOMP_RET_ERRNO | EPERM),
		GIVE(SECCOMP_RET_ALLOW),
	};
	if (!nfnetlink)
		filter[6].k = SECCOMP_RET_ALLOW;
	if (!raw)
		filter[10].k = SECCOMP_RET_ALLOW;
	struct sock_fprog program = { sizeof filter / sizeof *filter, filter };
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
		return perror("without"), 2;
	execvp(argv[2], argv + 2);
	return perror(argv[2]), 2;
}
