// SPDX-License-Identifier: GPL-2.0
#include <net/genetlink.h>

void *stmf_helper_nla_data(const struct nlattr *nla)
{
	return nla_data(nla);
}

int stmf_helper_nla_len(const struct nlattr *nla)
{
	return nla_len(nla);
}

struct net *stmf_helper_genl_info_net(const struct genl_info *info)
{
	return genl_info_net(info);
}

int stmf_helper_genlmsg_reply(struct sk_buff *skb, struct genl_info *info)
{
	return genlmsg_reply(skb, info);
}

const struct genl_info *stmf_helper_genl_info_dump(struct netlink_callback *cb)
{
	return genl_info_dump(cb);
}

u8 stmf_helper_dump_cmd(struct netlink_callback *cb)
{
	return genl_dumpit_info(cb)->op.cmd;
}

void stmf_helper_genl_dump_check_consistent(struct netlink_callback *cb, void *user_hdr)
{
	genl_dump_check_consistent(cb, user_hdr);
}

int stmf_helper_genl_set_err(const struct genl_family *family, u32 group, int code)
{
	return genl_set_err(family, &init_net, 0, group, code);
}
