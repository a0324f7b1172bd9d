/* What the files of collab do for each other. */
#ifndef SITE_COLLAB_PARTS_H
#define SITE_COLLAB_PARTS_H

#include "site/collab_inner.h"

/* collab.c: false: no lease, nothing may be said. */
bool collab_may_speak(struct collab *c);

/* collab_tell.c */
void collab_tell(struct collab *c, struct guest *g, const struct strbuf *text);
/* To all who are in but one. */
void collab_tell_all(struct collab *c, const struct room *r,
		     const struct room_person *but, const struct strbuf *text);
void collab_welcome(struct collab *c, struct room_person *p);
void collab_tell_waiting(struct collab *c, struct room_person *p);
/* Something about the room has changed: tells and writes it soon. */
void collab_changed(struct collab *c, struct room *r);
/* Takes his connection from him and closes it. */
void collab_dismiss(struct room_person *p, int code, const char *reason);

/* collab_run.c: the rows of a room */
void collab_run_begin(struct collab *c, struct room *r);
void collab_run_end(struct collab *c, struct room *r);
void collab_run_save(struct collab *c, struct room *r);
void collab_stay_begin(struct collab *c, struct room_person *p);
void collab_stay_end(struct collab *c, struct room_person *p, int64_t left_us);
void collab_beat(struct collab *c, struct hall *h); /* now and then */

/* collab_hall.c */
struct hall *collab_hall(struct collab *c, const struct jointoken *t);
void collab_hall_free(struct hall **h); /* with its room */
/* Reads the rows of its meeting. */
void collab_hall_read(struct hall *h);
/* Ends what nobody is in any more: h may be gone after. */
void collab_hall_settle(struct hall *h);

/* collab_enter.c */
void collab_enter(struct collab *c, struct guest *g, struct room *r);
void collab_let_in(struct collab *c, struct room_person *p);
void collab_let_all_in(struct collab *c, struct room *r);
void collab_give_host(struct collab *c, struct room_person *p);
/* He is gone for good since then; the room may end by it. */
void collab_leave(struct collab *c, struct room_person *p, int64_t since_us);

/* collab_say.c */
void collab_say(struct collab *c, struct guest *g, struct span text);
void collab_say_late_line(struct collab *c, struct room *r,
			  const struct room_line *l);

#endif
