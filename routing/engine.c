/* Ruin and recreate over the routes of one depot, under simulated annealing; engine.py says what comes in and out.
 *
 * A search holds one current solution. A try takes strings of neighbouring customers out of a few trips (`ruin`), puts
 * them back one by one where they cost least (`recreate`), and is kept or undone. The scheme is that of Christiaens and
 * Vanden Berghe, "Slack induction by string removals" (2020); trips that follow each other, releases and the trip that
 * is opened against greed are ours.
 *
 * Words: a trip leaves the depot (place 0) and comes back to it; a vehicle makes one trip, or several that are linked by
 * `previous` and `next`. A position in a trip counts from 0, the depot, over its customers to the depot again.
 *
 * Times, loads and costs are int: engine.py refuses what could leave 32 bits. Only the cost of a whole solution is 64.
 */
#include <stddef.h>
#include <stdint.h>

/* What is used of the C library, declared here: no headers, so that one compiler builds for every platform without that
 * platform's C library; whichever the process has is used. */
void *calloc(size_t, size_t);
void free(void *);
void *memcpy(void *, const void *, size_t), *memmove(void *, const void *, size_t), *memset(void *, int, size_t);
double log(double), pow(double, double), fmin(double, double);
struct timespec { long tv_sec, tv_nsec; };
int clock_gettime(int, struct timespec *);
enum { MONOTONIC = 1, THREAD_CPU = 3 };

enum { NONE = -1 };
enum { MOST_STRINGS = 60 };                     /* trips that one try takes from */
enum { TRIES_A_LOOK = 32 };                     /* tries between two looks at the clock */
enum { LONG_AGO = -(1 << 29) };

typedef struct {
    int count;          /* customers */
    int load, cost;
    int released;       /* when the last of its goods is at the depot */
    int depart, back;   /* from and to the depot, as early as can be */
    int due;            /* when it must be back: the vehicle's shift, or what its next trip waits for */
    int limit;          /* the latest departure with which nobody is visited too late */
    int previous, next; /* trips of the same vehicle, or NONE */
    int alive;
    int64_t saved_in;   /* the last try in which it was saved or made */
    /* By position: who is visited, when the vehicle leaves there, the latest arrival, the cost of driving on. */
    int *stop, *leave, *latest, *leg;
    /* By position, only in chained searches: driving and service from the departure, the earliest start whatever the
     * departure, the latest release up to here and from here on, the load up to here. */
    int *since_depart, *earliest, *released_to, *released_from, *load_to;
} Trip;

enum { PLAIN_COLUMNS = 4, COLUMNS = 9 };        /* of a trip, in the order above */

typedef struct {
    /* The problem. Rows of a place: to others, and from others. */
    int customers, places, capacity, vehicles;
    int most_trips;     /* a vehicle, 0: any number */
    int chained;        /* trips may follow each other, or wait for goods */
    int *cost_to, *cost_from, *time_to, *time_from;
    int *demand, *early, *late, *service, *release;
    int *near;          /* a row for each customer: all of them by nearness, itself first */

    /* How it searches: see Tuning in engine.py. */
    double removed, longest, blink, own;
    uint64_t random[2];
    int until_blink;    /* places that are still looked at before one is overlooked */

    /* The current solution. */
    Trip *trips;
    int slots;          /* of trips, alive or not */
    int width;          /* of a trip's column */
    int *alive, alive_count;
    int used;           /* vehicles */
    int *trip_of;       /* by customer, NONE while absent */
    int *absent, absent_count;
    int64_t cost;
    int broken;         /* somebody is late: the try cannot be kept */

    /* What undoes a try. */
    int64_t tries;
    Trip *saved;
    int *saved_id, saved_count;
    int *made, made_count; /* trips */
    int *old_alive, old_alive_count, old_used;
    int *old_absent, old_absent_count;
    int64_t old_cost;

    /* The best answer, coded as engine_best says. */
    int *best, best_length, best_absent;
    int64_t best_cost;

    int *missed;        /* how often a customer found no place: who is missed often counts more */
    int *sort_key;      /* by customer, scratch */
    int *leave_later;   /* by position, scratch */
    int64_t *distance;  /* by customer, scratch */
} Search;

static inline int larger(int a, int b) { return a > b ? a : b; }

/* ------------------------------------------------------------------ chance and time */

static uint64_t draw(Search *s) { /* xorshift128+ */
    uint64_t a = s->random[0], b = s->random[1];
    s->random[0] = b;
    a ^= a << 23;
    s->random[1] = a ^ b ^ (a >> 18) ^ (b >> 5);
    return s->random[1] + b;
}

static inline double uniform(Search *s) { return (double)(draw(s) >> 11) * 0x1.0p-53; }

static inline int below(Search *s, int high) { return (int)(((draw(s) >> 32) * (uint64_t)high) >> 32); }

/* One draw for many places: how many are looked at before one is overlooked is geometric. */
static void draw_blink(Search *s) {
    s->until_blink = s->blink <= 0 ? 1 << 30 : (int)fmin(1e9, log(1.0 - uniform(s)) / log(1.0 - s->blink));
}

static inline int blinks(Search *s) {
    if (s->until_blink-- > 0) return 0;
    draw_blink(s);
    return 1;
}

static double now_s(int of_cpu) {
    struct timespec t;
    clock_gettime(of_cpu ? THREAD_CPU : MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec * 1e-9;
}

/* ------------------------------------------------------------------ memory */

/* Columns lie one after the other, so that a trip is copied by one pointer and their common width. */
static void bind(const Search *s, Trip *t, int *block) {
    int **columns[COLUMNS] = {&t->stop, &t->leave, &t->latest, &t->leg, &t->since_depart, &t->earliest,
                              &t->released_to, &t->released_from, &t->load_to};
    for (int k = 0; k < COLUMNS; k++) *columns[k] = block + (size_t)k * s->width;
}

static void copy_trip(const Search *s, Trip *to, const Trip *from) {
    int *block = to->stop, columns = s->chained ? COLUMNS : PLAIN_COLUMNS;
    for (int k = 0; k < columns; k++) {
        size_t column = (size_t)k * s->width;
        memcpy(block + column, from->stop + column, sizeof(int) * (from->count + 2));
    }
    *to = *from;
    bind(s, to, block);
}

/* The next `count` things of `size` bytes in a block, on a multiple of 8; from a block that is NULL only counted. */
static void *part(char *block, size_t *used, size_t count, size_t size) {
    size_t at = *used;
    *used += (count * size + 7) & ~(size_t)7;
    return block ? block + at : NULL;
}

static Trip *lay_out_trips(Search *s, char *block, size_t *used, int count) {
    Trip *trips = part(block, used, count, sizeof(Trip));
    int *columns = part(block, used, (size_t)count * COLUMNS * s->width, sizeof(int));
    if (block)
        for (int i = 0; i < count; i++) bind(s, &trips[i], columns + (size_t)i * COLUMNS * s->width);
    return trips;
}

/* All that a search needs lies in one block: one allocation can fail, and is checked; one call lets go of all. Without a
 * block it says how large that must be. */
static size_t lay_out(Search *s, char *block) {
    size_t used = 0, cells = (size_t)s->places * s->places, places = s->places;
    int **matrices[] = {&s->cost_to, &s->cost_from, &s->time_to, &s->time_from, &s->near};
    int **rows[] = {&s->demand, &s->early, &s->late, &s->service, &s->release, &s->missed, &s->sort_key, &s->trip_of};
    int **lists[] = {&s->alive, &s->absent, &s->saved_id, &s->made, &s->old_alive, &s->old_absent, &s->leave_later};
    for (size_t k = 0; k < sizeof matrices / sizeof *matrices; k++) *matrices[k] = part(block, &used, cells, sizeof(int));
    for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) *rows[k] = part(block, &used, places, sizeof(int));
    for (size_t k = 0; k < sizeof lists / sizeof *lists; k++) *lists[k] = part(block, &used, s->width, sizeof(int));
    s->best = part(block, &used, 2 * (size_t)s->width, sizeof(int)); /* a customer and an end of a trip for each */
    s->distance = part(block, &used, places, sizeof(int64_t));
    s->trips = lay_out_trips(s, block, &used, s->slots);
    s->saved = lay_out_trips(s, block, &used, s->slots);
    return used;
}

/* ------------------------------------------------------------------ one trip */

/* To be called before a trip is changed: keeps it as it was when the try began. */
static void save(Search *s, int id) {
    Trip *t = &s->trips[id];
    if (t->saved_in == s->tries) return;
    s->saved_id[s->saved_count] = id;
    copy_trip(s, &s->saved[s->saved_count++], t);
    t->saved_in = s->tries;
}

static int ready_of(const Search *s, const Trip *t) {
    return t->previous >= 0 ? s->trips[t->previous].back : s->early[0];
}

static int due_of(const Search *s, const Trip *t) {
    return t->next >= 0 ? s->trips[t->next].limit : s->late[0];
}

/* When the visit at position i begins where the trip leaves the depot at `depart`; chained searches only. */
static inline int start_at(const Trip *t, int i, int depart) {
    return larger(t->earliest[i], depart + t->since_depart[i]);
}

/* Times, load and cost from the depot on, where the vehicle is `ready` there. */
static void forward(Search *s, Trip *t, int ready) {
    int chained = s->chained, from = 0, load = 0, cost = 0, released = 0;
    if (chained)
        for (int i = 1; i <= t->count; i++) released = larger(released, s->release[t->stop[i]]);
    t->released = released;
    t->depart = larger(ready, released);
    int time = t->leave[0] = t->depart;
    if (chained) {
        t->since_depart[0] = t->released_to[0] = t->load_to[0] = 0;
        t->earliest[0] = LONG_AGO;
    }
    for (int i = 1; i <= t->count; i++) {
        int c = t->stop[i], drive = s->time_to[from * s->places + c];
        cost += t->leg[i - 1] = s->cost_to[from * s->places + c];
        time += drive;
        if (time < s->early[c]) time = s->early[c];
        else if (time > s->late[c]) s->broken = 1;
        if (chained) {
            int step = drive + (from ? s->service[from] : 0);
            t->since_depart[i] = t->since_depart[i - 1] + step;
            t->earliest[i] = larger(t->earliest[i - 1] + step, s->early[c]);
            t->released_to[i] = larger(t->released_to[i - 1], s->release[c]);
            t->load_to[i] = load + s->demand[c];
        }
        time += s->service[c];
        t->leave[i] = time;
        load += s->demand[c];
        from = c;
    }
    cost += t->leg[t->count] = s->cost_to[from * s->places];
    t->back = t->leave[t->count + 1] = time + s->time_to[from * s->places];
    if (t->count == 0) {
        t->back = t->depart;
        cost = 0;
    }
    t->load = load;
    s->cost += cost - t->cost;
    t->cost = cost;
}

/* The latest arrivals, from the depot back, where the trip must end at `due`. */
static void backward(Search *s, Trip *t, int due) {
    int late = due, to = 0;
    t->due = t->latest[t->count + 1] = due;
    if (s->chained) t->released_from[t->count + 1] = 0;
    for (int i = t->count; i >= 1; i--) {
        int c = t->stop[i];
        late -= s->time_to[c * s->places + to] + s->service[c];
        if (late > s->late[c]) late = s->late[c];
        t->latest[i] = late;
        to = c;
        if (s->chained) t->released_from[i] = larger(t->released_from[i + 1], s->release[c]);
    }
    t->limit = t->latest[0] = t->count ? late - s->time_to[to] : due;
}

/* A trip that was changed, and what that means for the vehicle's trips after and before it. */
static void refresh(Search *s, int id) {
    Trip *t = &s->trips[id];
    int due = due_of(s, t);
    forward(s, t, ready_of(s, t));
    backward(s, t, due);
    if (t->back > due) s->broken = 1;
    if (!s->chained) return;
    for (int ready = t->back, k = t->next; k >= 0; k = s->trips[k].next) {
        Trip *later = &s->trips[k];
        if (larger(ready, later->released) == later->depart) break;
        save(s, k);
        forward(s, later, ready);
        ready = later->back;
        if (later->back > later->due) s->broken = 1;
    }
    for (int limit = t->limit, k = t->previous; k >= 0; k = s->trips[k].previous) {
        Trip *earlier = &s->trips[k];
        if (earlier->due == limit) break;
        save(s, k);
        backward(s, earlier, limit);
        limit = earlier->limit;
        if (earlier->back > earlier->due) s->broken = 1;
    }
}

/* ------------------------------------------------------------------ trips of a vehicle */

static int has_room_for_a_trip(const Search *s, int id) {
    if (!s->most_trips) return 1;
    int count = 1;
    for (int k = s->trips[id].previous; k >= 0; k = s->trips[k].previous) count++;
    for (int k = s->trips[id].next; k >= 0; k = s->trips[k].next) count++;
    return count < s->most_trips;
}

/* An empty trip between two of a vehicle; with NONE on both sides it is another vehicle's. */
static int new_trip(Search *s, int previous, int next) {
    int id = 0;
    while (s->trips[id].alive) id++;
    Trip *t = &s->trips[id];
    t->alive = 1;
    t->count = t->cost = t->load = t->released = 0;
    t->previous = previous;
    t->next = next;
    t->stop[0] = t->stop[1] = 0;
    if (previous >= 0) {
        save(s, previous);
        s->trips[previous].next = id;
    }
    if (next >= 0) {
        save(s, next);
        s->trips[next].previous = id;
    }
    if (previous < 0 && next < 0) s->used++;
    s->alive[s->alive_count++] = id;
    if (t->saved_in != s->tries) { /* a slot that died in this try is saved already, and comes back by that */
        t->saved_in = s->tries;
        s->made[s->made_count++] = id;
    }
    return id;
}

/* An empty trip, saved before, goes; its vehicle's other trips close up. */
static void drop_trip(Search *s, int id) {
    Trip *t = &s->trips[id];
    t->alive = 0;
    if (t->previous >= 0) {
        save(s, t->previous);
        s->trips[t->previous].next = t->next;
    }
    if (t->next >= 0) {
        save(s, t->next);
        s->trips[t->next].previous = t->previous;
    }
    if (t->previous < 0 && t->next < 0) s->used--;
    int at = 0;
    while (s->alive[at] != id) at++;
    s->alive[at] = s->alive[--s->alive_count];
    if (t->previous >= 0) refresh(s, t->previous);
    else if (t->next >= 0) refresh(s, t->next);
}

/* Puts a customer behind a position; the trip is to be refreshed. */
static void put(Search *s, int id, int position, int c) {
    Trip *t = &s->trips[id];
    save(s, id);
    memmove(t->stop + position + 2, t->stop + position + 1, sizeof(int) * (t->count + 1 - position));
    t->stop[position + 1] = c;
    t->count++;
    s->trip_of[c] = id;
}

/* ------------------------------------------------------------------ places for a customer */

enum { INTO, BEFORE, AFTER, OWN };

/* INTO: behind a position of a trip. BEFORE, AFTER: there the trip is split, and the customer begins the second part or
 * ends the first. OWN: in a trip of its own, before (position 0) or after (1) this one of a vehicle, or another
 * vehicle's (NONE). A `kind` of NONE: no place yet. */
typedef struct { int64_t cost; int kind, trip, position; } Place;

/* When the vehicle leaves each position where the whole trip waits for this release. */
static const int *leaving_later(Search *s, const Trip *t, int release) {
    s->leave_later[0] = release;
    for (int i = 1; i <= t->count; i++) s->leave_later[i] = start_at(t, i, release) + s->service[t->stop[i]];
    return s->leave_later;
}

/* The loop in which most of the time is spent. */
static void scan(Search *s, int c, int id, Place *best) {
    const Trip *t = &s->trips[id];
    size_t row = (size_t)c * s->places;
    const int *cost_from = s->cost_from + row, *cost_to = s->cost_to + row;
    const int *time_from = s->time_from + row, *time_to = s->time_to + row;
    const int *stop = t->stop, *latest = t->latest, *leg = t->leg, *leave = t->leave;
    int early = s->early[c], late = s->late[c], service = s->service[c];
    if (t->load + s->demand[c] > s->capacity) return;
    if (s->release[c] > t->depart) {
        if (s->release[c] > t->limit) return;
        leave = leaving_later(s, t, s->release[c]);
    }
    for (int i = 0; i <= t->count; i++) {
        int from = stop[i], to = stop[i + 1];
        int at = leave[i] + time_from[from];
        if (at > late) break; /* and later still behind every further position */
        int cost = cost_from[from] + cost_to[to] - leg[i];
        if (cost >= best->cost) continue;
        if (at < early) at = early;
        if (at + service + time_to[to] > latest[i + 1] || blinks(s)) continue;
        *best = (Place){cost, INTO, id, i};
    }
}

/* The part up to position i as it is, then the depot, c, and the rest. */
static int can_split_before(Search *s, int c, const Trip *t, int i, int ready) {
    int from = t->stop[i], to = t->stop[i + 1];
    if (t->load - t->load_to[i] + s->demand[c] > s->capacity) return 0;
    int start = start_at(t, i, larger(ready, t->released_to[i]));
    int back = start + s->service[from] + s->time_to[from * s->places];
    int released = larger(t->released_from[i + 1], s->release[c]);
    int at = larger(larger(back, released) + s->time_to[c], s->early[c]);
    return at <= s->late[c] && at + s->service[c] + s->time_to[c * s->places + to] <= t->latest[i + 1];
}

/* The part up to position i and c, then the depot and the rest. */
static int can_split_after(Search *s, int c, const Trip *t, int i, int ready) {
    int from = t->stop[i], to = t->stop[i + 1];
    if (t->load_to[i] + s->demand[c] > s->capacity) return 0;
    int depart = larger(ready, larger(t->released_to[i], s->release[c]));
    int start = start_at(t, i, depart);
    if (start > t->latest[i] && start > s->late[from]) return 0;
    if (depart > t->depart && depart > t->limit) return 0; /* a later start must suit those before, too */
    int at = larger(start + s->service[from] + s->time_from[c * s->places + from], s->early[c]);
    if (at > s->late[c]) return 0;
    int back = at + s->service[c] + s->time_to[c * s->places];
    return larger(back, t->released_from[i + 1]) + s->time_to[to] <= t->latest[i + 1];
}

static void scan_split(Search *s, int c, int id, Place *best) {
    const Trip *t = &s->trips[id];
    int ready = ready_of(s, t), home = s->cost_to[c * s->places], out = s->cost_from[c * s->places];
    const int *cost_from = s->cost_from + (size_t)c * s->places, *cost_to = s->cost_to + (size_t)c * s->places;
    if (!has_room_for_a_trip(s, id)) return;
    for (int i = 1; i < t->count; i++) {
        int from = t->stop[i], to = t->stop[i + 1];
        int before = s->cost_to[from * s->places] + out + cost_to[to] - t->leg[i];
        if (before < best->cost && can_split_before(s, c, t, i, ready) && !blinks(s))
            *best = (Place){before, BEFORE, id, i};
        int after = cost_from[from] + home + s->cost_to[to] - t->leg[i];
        if (after < best->cost && can_split_after(s, c, t, i, ready) && !blinks(s))
            *best = (Place){after, AFTER, id, i};
    }
}

/* Whether a trip for c alone fits between two moments at the depot. */
static int fits_alone(const Search *s, int c, int ready, int due) {
    int at = larger(larger(ready, s->release[c]) + s->time_to[c], s->early[c]);
    return at <= s->late[c] && at + s->service[c] + s->time_to[c * s->places] <= due;
}

static void scan_own(Search *s, int c, Place *best) {
    int64_t cost = (int64_t)s->cost_from[c * s->places] + s->cost_to[c * s->places];
    if (cost >= best->cost || s->demand[c] > s->capacity) return;
    if (s->used < s->vehicles && fits_alone(s, c, s->early[0], s->late[0])) {
        *best = (Place){cost, OWN, NONE, 0};
        return;
    }
    if (s->most_trips == 1) return;
    int offset = s->alive_count ? below(s, s->alive_count) : 0; /* or the same vehicle would be asked first always */
    for (int k = 0; k < s->alive_count; k++) {
        int id = s->alive[(k + offset) % s->alive_count];
        const Trip *t = &s->trips[id];
        for (int after = t->previous >= 0; after < 2; after++) { /* before the first, and after each */
            int ready = after ? t->back : s->early[0], due = after ? due_of(s, t) : t->limit;
            if (!fits_alone(s, c, ready, due) || !has_room_for_a_trip(s, id)) continue;
            *best = (Place){cost, OWN, id, after};
            return;
        }
    }
}

/* ------------------------------------------------------------------ recreate */

static void open_trip(Search *s, int c, const Place *at) {
    int previous = NONE, next = NONE;
    if (at->trip >= 0 && at->position) {
        previous = at->trip;
        next = s->trips[previous].next;
    } else if (at->trip >= 0) {
        next = at->trip;
        previous = s->trips[next].previous;
    }
    int id = new_trip(s, previous, next);
    put(s, id, 0, c);
    refresh(s, id);
}

static void split_trip(Search *s, int c, const Place *at) {
    Trip *first = &s->trips[at->trip];
    save(s, at->trip);
    int id = new_trip(s, at->trip, first->next), kept = at->position, moved = first->count - kept;
    Trip *second = &s->trips[id];
    memcpy(second->stop + 1, first->stop + kept + 1, sizeof(int) * moved);
    second->count = moved;
    second->stop[moved + 1] = 0;
    for (int i = 1; i <= moved; i++) s->trip_of[second->stop[i]] = id;
    first->count = kept;
    first->stop[kept + 1] = 0;
    if (at->kind == BEFORE) put(s, id, 0, c);
    else put(s, at->trip, kept, c);
    /* The second part first, so that the first sees its limit; until then neither's lateness means anything. */
    int broken = s->broken;
    second->depart = -1;
    second->back = 0;
    forward(s, first, ready_of(s, first));
    refresh(s, id);
    s->broken = broken;
    refresh(s, at->trip);
}

static void apply(Search *s, int c, const Place *at) {
    if (at->kind == OWN) {
        open_trip(s, c, at);
    } else if (at->kind == INTO) {
        put(s, at->trip, at->position, c);
        refresh(s, at->trip);
    } else {
        split_trip(s, c, at);
    }
}

/* Smaller comes first: by chance, the largest, the furthest, the nearest, the narrowest window, the earliest, the last. */
static int sort_key_of(Search *s, int order, int c) {
    if (order < 4) return below(s, 1 << 30);
    if (order < 7) return -s->demand[c];
    if (order < 9) return -s->cost_to[c];
    if (order < 10) return s->cost_to[c];
    if (order < 12) return s->late[c] - s->early[c];
    return order < 13 ? s->early[c] : -s->late[c];
}

static void sort_absent(Search *s) {
    int order = below(s, 14), *key = s->sort_key, *absent = s->absent;
    for (int i = 0; i < s->absent_count; i++) key[absent[i]] = sort_key_of(s, order, absent[i]);
    for (int i = 1; i < s->absent_count; i++) { /* by insertion: a handful, mostly */
        int c = absent[i], j = i - 1;
        for (; j >= 0 && key[absent[j]] > key[c]; j--) absent[j + 1] = absent[j];
        absent[j + 1] = c;
    }
}

static Place cheapest_place(Search *s, int c, int own_first) {
    Place best = {INT64_MAX, NONE, NONE, NONE};
    if (own_first) scan_own(s, c, &best);
    if (best.kind != NONE) return best;
    for (int k = 0; k < s->alive_count; k++) scan(s, c, s->alive[k], &best);
    if (s->most_trips != 1)
        for (int k = 0; k < s->alive_count; k++) scan_split(s, c, s->alive[k], &best);
    scan_own(s, c, &best);
    return best;
}

/* Puts the absent back, each at its cheapest place; who finds none stays absent. */
static void recreate(Search *s) {
    sort_absent(s);
    int left = 0, own_first = uniform(s) < s->own; /* now and then against greed, which would never open a trip */
    for (int i = 0; i < s->absent_count; i++) {
        int c = s->absent[i];
        if (s->broken) { /* it will be undone anyhow */
            s->absent[left++] = c;
            continue;
        }
        Place best = cheapest_place(s, c, own_first);
        own_first = 0;
        if (best.kind == NONE) s->absent[left++] = c;
        else apply(s, c, &best);
    }
    s->absent_count = left;
}

/* ------------------------------------------------------------------ ruin */

static void take_out(Search *s, int id, int from, int count) {
    Trip *t = &s->trips[id];
    save(s, id);
    for (int i = from; i < from + count; i++) {
        s->trip_of[t->stop[i]] = NONE;
        s->absent[s->absent_count++] = t->stop[i];
    }
    memmove(t->stop + from, t->stop + from + count, sizeof(int) * (t->count + 2 - from - count));
    t->count -= count;
}

/* A string of up to `longest` customers around c, half of the times with some in its middle that stay. */
static void take_string(Search *s, int id, int c, double longest) {
    const Trip *t = &s->trips[id];
    int length = (int)(uniform(s) * fmin(t->count, longest) + 1.0), kept = 0, position = 1;
    if (length > t->count) length = t->count;
    while (t->stop[position] != c) position++;
    if (length > 1 && length < t->count && uniform(s) < 0.5) {
        kept = 1;
        while (length + kept < t->count && uniform(s) > 0.01) kept++;
    }
    int span = length + kept, last = t->count - span + 1;
    int low = larger(1, position - span + 1), high = position > last ? last : position;
    int from = low + below(s, high - low + 1);
    int before = kept ? below(s, length + 1) : 0; /* of those that go: so many before those that stay */
    if (length - before) take_out(s, id, from + before + kept, length - before);
    if (before) take_out(s, id, from, before);
}

static int among(const int *list, int count, int value) {
    for (int i = 0; i < count; i++)
        if (list[i] == value) return 1;
    return 0;
}

/* Takes a string out of each of a few trips that pass near one customer. */
static void ruin(Search *s) {
    int present = s->customers - s->absent_count, hit[MOST_STRINGS], hits = 0;
    if (!present) return;
    double longest = fmin(s->longest, (double)present / s->alive_count);
    int strings = (int)(uniform(s) * (4.0 * s->removed / (1.0 + longest) - 1.0) + 1.0);
    if (strings > MOST_STRINGS) strings = MOST_STRINGS;
    const int *near = s->near + (size_t)(1 + below(s, s->customers)) * s->customers;
    for (int k = 0; k < s->customers && hits < strings; k++) {
        int id = s->trip_of[near[k]];
        if (id < 0 || among(hit, hits, id)) continue;
        hit[hits++] = id;
        take_string(s, id, near[k], longest);
    }
    for (int h = 0; h < hits; h++) {
        refresh(s, hit[h]);
        if (s->trips[hit[h]].count == 0) drop_trip(s, hit[h]);
    }
}

/* ------------------------------------------------------------------ a try */

static void begin(Search *s) {
    s->tries++;
    s->saved_count = s->made_count = s->broken = 0;
    memcpy(s->old_alive, s->alive, sizeof(int) * s->alive_count);
    memcpy(s->old_absent, s->absent, sizeof(int) * s->absent_count);
    s->old_alive_count = s->alive_count;
    s->old_absent_count = s->absent_count;
    s->old_used = s->used;
    s->old_cost = s->cost;
}

static void undo(Search *s) {
    for (int i = 0; i < s->made_count; i++) s->trips[s->made[i]].alive = 0;
    for (int i = 0; i < s->saved_count; i++) {
        int id = s->saved_id[i];
        Trip *t = &s->trips[id];
        copy_trip(s, t, &s->saved[i]);
        if (!t->alive) continue;
        for (int k = 1; k <= t->count; k++) s->trip_of[t->stop[k]] = id;
    }
    memcpy(s->alive, s->old_alive, sizeof(int) * s->old_alive_count);
    memcpy(s->absent, s->old_absent, sizeof(int) * s->old_absent_count);
    s->alive_count = s->old_alive_count;
    s->absent_count = s->old_absent_count;
    s->used = s->old_used;
    s->cost = s->old_cost;
    for (int i = 0; i < s->absent_count; i++) s->trip_of[s->absent[i]] = NONE;
}

static void keep_best(Search *s) {
    int length = 0;
    for (int k = 0; k < s->alive_count; k++) {
        if (s->trips[s->alive[k]].previous >= 0) continue;
        for (int id = s->alive[k]; id >= 0; id = s->trips[id].next) {
            const Trip *t = &s->trips[id];
            memcpy(s->best + length, t->stop + 1, sizeof(int) * t->count);
            length += t->count;
            s->best[length++] = t->next >= 0 ? 0 : -1;
        }
    }
    s->best_length = length;
    s->best_cost = s->cost;
    s->best_absent = s->absent_count;
}

static void keep_if_best(Search *s) {
    int fewer = s->absent_count < s->best_absent, as_many = s->absent_count == s->best_absent;
    if (fewer || (as_many && s->cost < s->best_cost)) keep_best(s);
}

static int64_t weight(const Search *s, const int *absent, int count) {
    int64_t sum = 0;
    for (int i = 0; i < count; i++) sum += s->missed[absent[i]] + 1;
    return sum;
}

/* 1 where those who are absent now weigh less than before the try, -1 where they weigh more; each of them is missed. */
static int serves_better(Search *s) {
    if (!s->absent_count && !s->old_absent_count) return 0;
    for (int i = 0; i < s->absent_count; i++) s->missed[s->absent[i]]++;
    int64_t now = weight(s, s->absent, s->absent_count), before = weight(s, s->old_absent, s->old_absent_count);
    return (now < before) - (now > before);
}

static void try_once(Search *s, double temperature) {
    begin(s);
    ruin(s);
    if (!s->broken) recreate(s);
    if (s->broken) {
        undo(s);
        return;
    }
    int better = serves_better(s);
    double most = (double)s->old_cost - temperature * log(uniform(s) + 1e-300);
    if (better > 0 || (better == 0 && (double)s->cost < most)) keep_if_best(s);
    else undo(s);
}

/* ------------------------------------------------------------------ the door */

static void copy_matrices(Search *s, const int *cost, const int *time) {
    int places = s->places;
    for (int i = 0; i < places; i++)
        for (int j = 0; j < places; j++) {
            s->cost_to[i * places + j] = s->cost_from[j * places + i] = cost[i * places + j];
            s->time_to[i * places + j] = s->time_from[j * places + i] = time[i * places + j];
        }
}

/* By the way there and back, by Shell's sort: a row has a thousand or two at most. */
static void sort_near(Search *s) {
    int n = s->customers;
    int64_t *distance = s->distance;
    for (int c = 1; c <= n; c++) {
        int *row = s->near + (size_t)c * n;
        for (int j = 1; j <= n; j++) {
            distance[j] = j == c ? -1 : (int64_t)s->cost_to[c * s->places + j] + s->cost_to[j * s->places + c];
            row[j - 1] = j;
        }
        for (int gap = n / 2; gap > 0; gap /= 2)
            for (int i = gap; i < n; i++) {
                int value = row[i], k = i;
                for (; k >= gap && distance[row[k - gap]] > distance[value]; k -= gap) row[k] = row[k - gap];
                row[k] = value;
            }
    }
}

static void seed_random(Search *s, uint64_t seed) {
    s->random[0] = seed * 0x9E3779B97F4A7C15ull + 0xD1B54A32D192ED03ull;
    s->random[1] = seed ^ 0x2545F4914F6CDD1Dull;
    for (int i = 0; i < 20; i++) draw(s); /* seeds that differ by little begin alike */
    draw_blink(s);
}

void engine_free(Search *s) {
    if (!s) return;
    free(s->cost_to); /* the first part of the block */
    free(s);
}

/* A search with its first solution; NULL where there is no memory for it. Matrices are rows of `customers` + 1. */
Search *engine_new(int customers, const int *cost, const int *time, const int *demand, const int *early,
                   const int *late, const int *service, const int *release, int capacity, int vehicles, int most_trips,
                   uint64_t seed, double removed, double longest, double blink, double own) {
    Search *s = calloc(1, sizeof *s);
    if (!s) return NULL;
    s->customers = customers;
    s->places = customers + 1;
    s->slots = customers + 2; /* a trip each, and two that a try makes before it drops others */
    s->width = customers + 4; /* positions of a trip with everybody, and one to spare */
    char *block = calloc(1, lay_out(s, NULL));
    if (!block) {
        free(s);
        return NULL;
    }
    lay_out(s, block);
    s->capacity = capacity;
    s->vehicles = vehicles < customers ? vehicles : customers;
    s->most_trips = most_trips;
    s->removed = removed;
    s->longest = longest;
    s->blink = blink;
    s->own = own;
    size_t row = sizeof(int) * s->places;
    memcpy(s->demand, demand, row);
    memcpy(s->early, early, row);
    memcpy(s->late, late, row);
    memcpy(s->service, service, row);
    memcpy(s->release, release, row);
    s->service[0] = 0;
    s->chained = most_trips != 1;
    for (int c = 1; c <= customers; c++) s->chained |= release[c] > 0;
    copy_matrices(s, cost, time);
    sort_near(s);
    seed_random(s, seed);
    for (int c = 1; c <= customers; c++) {
        s->trip_of[c] = NONE;
        s->absent[s->absent_count++] = c;
    }
    begin(s);
    recreate(s);
    keep_best(s);
    return s;
}

/* Tries until `seconds` (0: without end) or `tries` are over, and says how many there were. Meanwhile the temperature
 * falls from `hot` to `cold`: by how much more a try may cost, one time in e. */
int64_t engine_run(Search *s, double seconds, int64_t tries, double hot, double cold, int of_cpu) {
    double begun = now_s(of_cpu), temperature = hot;
    for (int64_t k = 0; k < tries; k++) {
        if (k % TRIES_A_LOOK == 0) {
            double over = (double)k / (double)tries;
            if (seconds > 0) {
                double of_time = (now_s(of_cpu) - begun) / seconds;
                if (of_time > over) over = of_time;
            }
            if (over >= 1.0) return k;
            temperature = hot * pow(cold / hot, over);
        }
        try_once(s, temperature);
    }
    return tries;
}

int64_t engine_cost(const Search *s) { return s->best_cost; }

int engine_absent(const Search *s) { return s->best_absent; }

/* The best answer and its length: customers, 0 between two trips of a vehicle, -1 after each vehicle. `out` must have room
 * for twice the customers. */
int engine_best(const Search *s, int *out) {
    memcpy(out, s->best, sizeof(int) * s->best_length);
    return s->best_length;
}

/* Times and costs of one vehicle's trips, from their sequences alone. */
static void refresh_vehicle(Search *s, int first) {
    int last = first;
    for (int k = first; k >= 0; k = s->trips[k].next) {
        forward(s, &s->trips[k], ready_of(s, &s->trips[k]));
        last = k;
    }
    for (int k = last; k >= 0; k = s->trips[k].previous) {
        Trip *t = &s->trips[k];
        backward(s, t, due_of(s, t));
        if (t->back > t->due || t->load > s->capacity) s->broken = 1;
    }
}

/* Goes on from another search's best answer, coded as above; 0 where it holds. */
int engine_adopt(Search *s, const int *code, int length) {
    int id = NONE;
    for (int i = 0; i < s->slots; i++) s->trips[i].alive = 0;
    for (int c = 1; c <= s->customers; c++) s->trip_of[c] = NONE;
    s->alive_count = s->used = s->absent_count = 0;
    s->cost = 0;
    begin(s);
    for (int i = 0; i < length; i++) {
        if (code[i] == -1) {
            id = NONE;
        } else if (code[i] == 0) {
            id = new_trip(s, id, NONE);
        } else {
            if (id < 0) id = new_trip(s, NONE, NONE);
            put(s, id, s->trips[id].count, code[i]);
        }
    }
    for (int k = 0; k < s->alive_count; k++)
        if (s->trips[s->alive[k]].previous < 0) refresh_vehicle(s, s->alive[k]);
    for (int c = 1; c <= s->customers; c++)
        if (s->trip_of[c] < 0) s->absent[s->absent_count++] = c;
    if (!s->broken) keep_if_best(s);
    return s->broken;
}

/* Begins anew from an answer coded as above, of which customers may be absent, or from none (`length` 0): what was best is
 * forgotten. 0 where it holds; where it does not, nothing may be run before another beginning. */
int engine_restart(Search *s, const int *code, int length) {
    s->best_absent = s->customers + 1;
    memset(s->missed, 0, sizeof(int) * s->places);
    return engine_adopt(s, code, length);
}
