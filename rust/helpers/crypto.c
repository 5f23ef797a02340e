// SPDX-License-Identifier: GPL-2.0
#include <crypto/md5.h>
#include <crypto/sha1.h>
#include <crypto/sha2.h>
#include <crypto/sha3.h>
#include <crypto/utils.h>
#include <linux/crc32.h>
#include <linux/string.h>
#include <linux/uio.h>

u32 stmf_helper_crc32c(u32 crc, const void *data, size_t len)
{
	return crc32c(crc, data, len);
}

bool stmf_helper_crypto_memneq(const void *a, const void *b, size_t len)
{
	return crypto_memneq(a, b, len);
}

void stmf_helper_memzero_explicit(void *memory, size_t len)
{
	memzero_explicit(memory, len);
}

/* Each finishing function wipes its context. */
#define STMF_DIGEST(name, context, init, update, final)			\
void stmf_helper_##name(const struct kvec *parts, size_t count, u8 *out)\
{									\
	struct context state;						\
									\
	init(&state);							\
	for (; count; parts++, count--)					\
		update(&state, parts->iov_base, parts->iov_len);	\
	final(&state, out);						\
}

STMF_DIGEST(md5, md5_ctx, md5_init, md5_update, md5_final)
STMF_DIGEST(sha1, sha1_ctx, sha1_init, sha1_update, sha1_final)
STMF_DIGEST(sha256, sha256_ctx, sha256_init, sha256_update, sha256_final)
STMF_DIGEST(sha3_256, sha3_ctx, sha3_256_init, sha3_update, sha3_final)
