// SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause
//
// What the kernel tells by itself: who holds which socket, and which TCP
// connections open, be they ever so short. Everything is aggregated here, in
// maps of bounded size; what does not fit is counted, never silent.
#include "types.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_tracing.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

// ---- owners: one pass over all descriptors of all processes

// held is one descriptor that is a socket of IPv4 or IPv6.
struct held {
	__u32 inode;
	__u32 tgid;
	__u32 fd;
	__u32 netns;
};

// process_id is the id of a task's process in the process namespace of a
// depth: processes are called by their ids in the reader's namespace, as in its
// /proc. 0 if it has none there.
static __always_inline __u32 process_id(struct task_struct *task, __u32 depth)
{
	struct pid *pid = task->group_leader->thread_pid;
	if (depth == 0)
		return pid->numbers[0].nr;
	if (pid->level < depth)
		return 0;
	struct upid id = {};
	bpf_core_read(&id, sizeof(id), &pid->numbers[depth]);
	return id.nr;
}

SEC("iter/task_file")
int owners(struct bpf_iter__task_file *ctx)
{
	struct task_struct *task = ctx->task;
	struct file *file = ctx->file;
	if (!task || !file)
		return 0;
	struct socket *socket = bpf_sock_from_file(file);
	if (!socket)
		return 0;
	struct sock *sk = socket->sk;
	if (!sk)
		return 0;
	__u16 family = sk->__sk_common.skc_family;
	if (family != AF_INET && family != AF_INET6)
		return 0;
	struct task_struct *reader = bpf_get_current_task_btf();
	struct held h = {
		.inode = file->f_inode->i_ino,
		.tgid = process_id(task, reader->thread_pid->level),
		.fd = ctx->fd,
		.netns = sk->__sk_common.skc_net.net->ns.inum,
	};
	bpf_seq_write(ctx->meta->seq, &h, sizeof(h));
	return 0;
}

// ---- opens: TCP connections as they are made

// edge is what openings are aggregated by.
struct edge {
	__u8 addr[16];  // of the peer; IPv4 as ::ffff:a.b.c.d
	__u8 local[16]; // this end's, where it accepts
	char comm[16];  // of the client's process; empty where this end accepts
	__u32 netns;
	__u32 uid;
	__u16 port; // the service's
	__u8 active; // 1: this end connects, 0: it accepts
	__u8 pad;
};

// opens is what happened on an edge since it was last read.
struct opens {
	__u64 opened;
	__u64 refused;
	__u64 timed_out;
	__u64 failed; // for another reason, or given up
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct edge);
	__type(value, struct opens);
} edges SEC(".maps");

// caller remembers who connects until the answer comes, which finds another
// process on the processor. A dropped one costs the name, not the count.
struct caller {
	char comm[16];
	__u32 uid;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, __u64);
	__type(value, struct caller);
} callers SEC(".maps");

// fresh announces edges that were not there since the last reading.
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 16);
} fresh SEC(".maps");

__u64 lost;            // openings that found the map full
__u64 unannounced;     // new edges that found the ring full
volatile const __u32 only_netns; // 0: every network namespace

static __always_inline void remember_caller(const struct sock *sk)
{
	__u64 key = (__u64)sk;
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	struct caller c = {.uid = (__u32)bpf_get_current_uid_gid()};
	BPF_CORE_READ_STR_INTO(&c.comm, task, group_leader, comm);
	bpf_map_update_elem(&callers, &key, &c, BPF_ANY);
}

static __always_inline void map_ipv4(__u8 *to, __be32 from)
{
	to[10] = to[11] = 0xff;
	*(__be32 *)(to + 12) = from;
}

static __always_inline void copy_ipv6(__u8 *to, const struct in6_addr *from)
{
#pragma unroll
	for (int i = 0; i < 4; i++)
		((__be32 *)to)[i] = from->in6_u.u6_addr32[i];
}

static __always_inline void read_edge(const struct sock *sk, struct edge *e, int active)
{
	e->active = active;
	e->netns = sk->__sk_common.skc_net.net->ns.inum;
	e->port = active ? bpf_ntohs(sk->__sk_common.skc_dport) : sk->__sk_common.skc_num;
	if (sk->__sk_common.skc_family == AF_INET) {
		map_ipv4(e->addr, sk->__sk_common.skc_daddr);
		if (!active)
			map_ipv4(e->local, sk->__sk_common.skc_rcv_saddr);
		return;
	}
	copy_ipv6(e->addr, &sk->__sk_common.skc_v6_daddr);
	if (!active)
		copy_ipv6(e->local, &sk->__sk_common.skc_v6_rcv_saddr);
}

// counter finds the counters of an edge, new ones with a word to the reader.
static __always_inline struct opens *counter(struct edge *e)
{
	struct opens *o = bpf_map_lookup_elem(&edges, e);
	if (o)
		return o;
	struct opens none = {};
	if (bpf_map_update_elem(&edges, e, &none, BPF_NOEXIST) == 0 &&
	    bpf_ringbuf_output(&fresh, e, sizeof(*e), 0) != 0)
		__sync_fetch_and_add(&unannounced, 1);
	o = bpf_map_lookup_elem(&edges, e);
	if (!o)
		__sync_fetch_and_add(&lost, 1);
	return o;
}

static __always_inline void count(const struct sock *sk, int active, int opened)
{
	struct edge e = {};
	read_edge(sk, &e, active);
	if (active) {
		__u64 key = (__u64)sk;
		struct caller *c = bpf_map_lookup_elem(&callers, &key);
		if (c) {
			__builtin_memcpy(e.comm, c->comm, sizeof(e.comm));
			e.uid = c->uid;
			bpf_map_delete_elem(&callers, &key);
		}
	}
	struct opens *o = counter(&e);
	if (!o)
		return;
	if (opened) {
		__sync_fetch_and_add(&o->opened, 1);
		return;
	}
	switch (sk->sk_err) {
	case ECONNREFUSED:
		__sync_fetch_and_add(&o->refused, 1);
		break;
	case ETIMEDOUT:
	case EHOSTUNREACH:
	case ENETUNREACH:
		__sync_fetch_and_add(&o->timed_out, 1);
		break;
	default:
		__sync_fetch_and_add(&o->failed, 1);
	}
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(states, const struct sock *sk, int from, int to)
{
	if (sk->sk_protocol != IPPROTO_TCP)
		return 0;
	if (only_netns && sk->__sk_common.skc_net.net->ns.inum != only_netns)
		return 0;
	if (to == TCP_SYN_SENT)
		remember_caller(sk);
	else if (from == TCP_SYN_SENT && to == TCP_ESTABLISHED)
		count(sk, 1, 1);
	else if (from == TCP_SYN_SENT && to == TCP_CLOSE)
		count(sk, 1, 0);
	else if (from == TCP_SYN_RECV && to == TCP_ESTABLISHED)
		count(sk, 0, 1);
	return 0;
}
