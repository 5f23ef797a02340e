// SPDX-License-Identifier: GPL-2.0
#include <linux/ipv6.h>
#include <linux/mm.h>
#include <linux/net.h>
#include <linux/netdevice.h>
#include <linux/tcp.h>
#include <net/ip.h>
#include <net/net_namespace.h>
#include <net/sock.h>

struct net *stmf_helper_get_net(struct net *net)
{
	return get_net(net);
}

void stmf_helper_put_net(struct net *net)
{
	put_net(net);
}

void stmf_helper_get_page(struct page *page)
{
	get_page(page);
}

void stmf_helper_tcp_sock_set_nodelay(struct sock *sk)
{
	tcp_sock_set_nodelay(sk);
}

/* Before binding: take the address again at once, and both IP versions. */
void stmf_helper_sock_prepare_listener(struct sock *sk)
{
	/* Connections that outlive the portal keep the namespace. */
	sk_net_refcnt_upgrade(sk);
	sock_set_reuseaddr(sk);
	lock_sock(sk);
	sk->sk_ipv6only = 0;
	release_sock(sk);
}

/* Limits a socket, and the connections it accepts, to an interface. */
int stmf_helper_sock_bind_interface(struct sock *sk, const char *name)
{
	struct net_device *device = dev_get_by_name(sock_net(sk), name);
	int index;

	if (!device)
		return -ENODEV;
	index = device->ifindex;
	dev_put(device);
	return sock_bindtoindex(sk, index, true);
}

/* Sets the DSCP of a socket of either IP version, and of the connections it accepts. */
void stmf_helper_sock_set_dscp(struct sock *sk, u8 dscp)
{
	u8 traffic_class = dscp << 2;

	ip_sock_set_tos(sk, traffic_class);
	if (sk->sk_family != AF_INET6)
		return;
	lock_sock(sk);
	inet6_sk(sk)->tclass = traffic_class;
	release_sock(sk);
}

/*
 * Exchanges a TCP socket's callbacks and their data. TCP calls these three with
 * the socket locked, so when this returns, none of the old ones runs or will.
 */
void stmf_helper_sock_swap_callbacks(struct sock *sk, void **user_data,
				     void (**data_ready)(struct sock *),
				     void (**write_space)(struct sock *),
				     void (**state_change)(struct sock *))
{
	lock_sock(sk);
	write_lock_bh(&sk->sk_callback_lock);
	swap(sk->sk_user_data, *user_data);
	swap(sk->sk_data_ready, *data_ready);
	swap(sk->sk_write_space, *write_space);
	swap(sk->sk_state_change, *state_change);
	write_unlock_bh(&sk->sk_callback_lock);
	release_sock(sk);
}

void *stmf_helper_sock_callback_enter(struct sock *sk)
{
	read_lock_bh(&sk->sk_callback_lock);
	return sk->sk_user_data;
}

void stmf_helper_sock_callback_leave(struct sock *sk)
{
	read_unlock_bh(&sk->sk_callback_lock);
}

/* As sk_stream_write_space() decides whether a writer is to be woken. */
bool stmf_helper_sock_take_write_space(struct sock *sk)
{
	if (!sk_stream_is_writeable(sk) || !sk->sk_socket)
		return false;
	clear_bit(SOCK_NOSPACE, &sk->sk_socket->flags);
	return true;
}
