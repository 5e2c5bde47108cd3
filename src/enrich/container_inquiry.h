/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is known of one container, and who is still to be asked about it: the files first, then
 * whoever may know what they do not say. Sources are numbers here, sets of them bits. Plain data
 * with one owner.
 */
#pragma once

#include "enrich/container_facts.h"

#define INQUIRY_SOURCES 8

enum source_stage {
	STAGE_FIRST,  /* asked at once */
	STAGE_SECOND, /* asked for what the first ones do not know */
	STAGE_POD,    /* asked when the container is known to be one of a pod */
};

struct inquiry_sources {
	enum source_stage stages[INQUIRY_SOURCES];
	size_t n;
};

struct inquiry {
	struct container_facts facts;
	uint32_t owed;	 /* a bit for each source that owes an answer */
	uint32_t asked;	 /* the same: that was asked since somebody waits */
	bool is_awaited; /* somebody waits */
	bool is_sought;	 /* some source is still to be asked, or to answer */
	bool is_overdue; /* it took longer than anybody waits */
};

void inquiry_init(struct inquiry *q, const char id[CONTAINER_ID_LEN]);
void inquiry_done(struct inquiry *q);

/* Nothing more is to be expected. */
bool inquiry_is_complete(const struct inquiry *q);

/* Somebody asks, and waits while he is owed something. false: nobody is to be asked. */
bool inquiry_begin(struct inquiry *q);
/* He waits no longer; what is learned from now on is news. */
void inquiry_give_up(struct inquiry *q);

/* Whom to ask next; none: all have been who are to be. */
uint32_t inquiry_due(const struct inquiry *q, const struct inquiry_sources *sources);
void inquiry_note_asked(struct inquiry *q, uint32_t sources);
/* After those who were due at the beginning have been noted. */
void inquiry_end_asking(struct inquiry *q);
void inquiry_note_answer(struct inquiry *q, unsigned int source);

/*
 * Takes what a source tells: 0 or -ENOMEM; *ret_changed says whether there was anything. Files are
 * read once, before the others are asked: who is asked later knows better.
 */
int inquiry_learn(struct inquiry *q, const struct inquiry_sources *sources, unsigned int source,
		  const struct container_facts *told, bool *ret_changed);
/* The same of all containers of a pod; false: it is not in this one, or that was known. */
bool inquiry_learn_pod(struct inquiry *q, const struct container_facts *pod);

/*
 * After something was learned (`is_news`) or answered, and who was due then has been noted: true:
 * it is to be told now, to whoever waits or as news.
 */
bool inquiry_settle(struct inquiry *q, bool is_news);
