/* SPDX-License-Identifier: Apache-2.0 */
#include "proc/inner_users.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "proc/owner.h"

struct inner_user {
	struct user user; /* first: what images point to, and free by */
	struct list lru;
	uint32_t n_again;	  /* times that it was asked for again */
	char room[USER_NAME_MAX]; /* for its name, which may come later */
};

_Static_assert(offsetof(struct inner_user, user) == 0, "user_unref() frees it");

void inner_users_init(struct inner_users *u)
{
	list_init(&u->lru);
	u->n = 0;
}

static void let_go(struct inner_users *u, struct inner_user *user)
{
	list_unlink(&user->lru);
	u->n--;
	user_unref(&user->user);
}

static struct inner_user *at(const struct list *l)
{
	return LIST_ENTRY(l, struct inner_user, lru);
}

void inner_users_done(struct inner_users *u)
{
	while (!list_is_empty(&u->lru))
		let_go(u, at(u->lru.next));
}

/* There are few, and mostly it is the one that was asked for last. */
static struct inner_user *lookup(struct inner_users *u, uint32_t mnt_ns, uint32_t uid)
{
	for (struct list *l = u->lru.prev; l != &u->lru; l = l->prev)
		if (at(l)->user.uid == uid && at(l)->user.mnt_ns == mnt_ns)
			return at(l);
	return NULL;
}

const struct user *inner_users_lookup(struct inner_users *u, uint32_t mnt_ns, uint32_t uid)
{
	struct inner_user *user = lookup(u, mnt_ns, uid);

	if (!user)
		return NULL;
	if (u->lru.prev != &user->lru) {
		list_unlink(&user->lru);
		list_append(&u->lru, &user->lru);
	}
	return &user->user;
}

bool inner_users_may_ask_again(struct inner_users *u, uint32_t mnt_ns, uint32_t uid)
{
	struct inner_user *user = lookup(u, mnt_ns, uid);

	if (!user || user->user.state == USER_KNOWN || user->n_again == INNER_USERS_AGAIN)
		return false;
	user->n_again++;
	return true;
}

static void set_name(struct inner_user *user, struct str name)
{
	size_t n = name.n < sizeof(user->room) ? name.n : sizeof(user->room);

	if (n)
		memcpy(user->room, name.p, n);
	user->user.name = (struct str){ .p = user->room, .n = n };
	user->user.state = USER_KNOWN;
}

static struct inner_user *add(struct inner_users *u, uint32_t mnt_ns, uint32_t uid)
{
	struct inner_user *user = malloc(sizeof(*user));

	if (!user)
		return NULL;
	user->user = (struct user){
		.refs = 1, .uid = uid, .mnt_ns = mnt_ns, .state = USER_AWAITED, .name = STR_EMPTY
	};
	user->n_again = 0;
	list_append(&u->lru, &user->lru);
	if (++u->n > INNER_USERS_MAX)
		let_go(u, at(u->lru.next));
	return user;
}

int inner_users_await(struct inner_users *u, uint32_t mnt_ns, uint32_t uid, bool is_overdue)
{
	struct inner_user *user = lookup(u, mnt_ns, uid);

	if (user && user->user.state == USER_KNOWN)
		return 0;
	if (!user)
		user = add(u, mnt_ns, uid);
	if (!user)
		return -ENOMEM;
	user->user.state = is_overdue ? USER_OVERDUE : USER_AWAITED;
	return 0;
}

/* Who has another name now is another user: images of before keep the one that they show. */
int inner_users_put(struct inner_users *u, uint32_t mnt_ns, uint32_t uid, struct str name)
{
	struct inner_user *user = lookup(u, mnt_ns, uid);

	if (user && user->user.state == USER_KNOWN) {
		if (str_eq(user->user.name, name))
			return 0;
		let_go(u, user);
		user = NULL;
	}
	if (!user)
		user = add(u, mnt_ns, uid);
	if (!user)
		return -ENOMEM;
	set_name(user, name);
	return 0;
}

bool inner_users_are_awaited(const struct inner_users *u)
{
	for (const struct list *l = u->lru.next; l != &u->lru; l = l->next)
		if (at(l)->user.state == USER_AWAITED)
			return true;
	return false;
}

void inner_users_overdue(struct inner_users *u)
{
	for (struct list *l = u->lru.next; l != &u->lru; l = l->next)
		if (at(l)->user.state == USER_AWAITED)
			at(l)->user.state = USER_OVERDUE;
}

int inner_users_each(const struct inner_users *u, int (*fn)(void *ctx, const struct user *user),
		     void *ctx)
{
	int r = 0;

	for (const struct list *l = u->lru.next; r >= 0 && l != &u->lru; l = l->next)
		r = fn(ctx, &at(l)->user);
	return r;
}
