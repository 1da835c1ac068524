/* Ruin and recreate over routes of one depot: see engine.py for what comes in and out. */
#include <stddef.h>
#include <stdint.h>

/* The few functions of the C library that are used, declared here: no headers, so that one compiler builds for every
 * platform without that platform's C library; whichever the process has is used. */
void *malloc(size_t), *calloc(size_t, size_t);
void free(void *);
void *memcpy(void *, const void *, size_t), *memmove(void *, const void *, size_t);
double log(double), pow(double, double), fmin(double, double);
struct timespec { long tv_sec, tv_nsec; };
int clock_gettime(int, struct timespec *);
enum { MONOTONIC = 1, THREAD_CPU = 3 };

typedef struct {
    int n, load, rel, dep, back, limit, due, cost;
    int prev, next, touched, alive;
    int *seq, *leave, *latest, *leg;          /* by position 0..n+1; 0 and n+1 are the depot */
    int *sum, *wait, *pre_rel, *suf_rel, *pre_load; /* only where trips follow each other or goods are released */
} Trip;

typedef struct {
    int n, cap, vehicles, max_trips, chained, width;
    int *cost_out, *cost_in, *time_out, *time_in; /* rows of a customer: to others, from others */
    int *demand, *early, *late, *service, *release;
    int *near;            /* rows of customers by nearness, itself first */
    int *depot_far;
    uint64_t rng[2];
    /* current solution */
    Trip *trips; int slots;
    int *alive, alive_n;
    int used;             /* vehicles */
    int *where;           /* trip of a customer, -1 when absent */
    int *absent, absent_n;
    int64_t cost;
    /* undo */
    Trip *saved; int *saved_id; int saved_n;
    int *old_alive, old_alive_n, old_used; int *old_absent, old_absent_n; int64_t old_cost;
    int *fresh, fresh_n;  /* trips made in this iteration */
    int broken, stamp;
    /* best */
    int *best, best_len; int64_t best_cost; int best_absent;
    int64_t penalty;
    int *key;
    int *misses;
    int blink_left;
    double removed, longest, blink, own;
    int64_t iterations, accepted, bests;
} Search;

static uint64_t next_u64(Search *s) { /* xorshift128+ */
    uint64_t a = s->rng[0], b = s->rng[1];
    s->rng[0] = b; a ^= a << 23; s->rng[1] = a ^ b ^ (a >> 18) ^ (b >> 5);
    return s->rng[1] + b;
}
static inline double uniform(Search *s) { return (double)(next_u64(s) >> 11) * 0x1.0p-53; }
static inline int below(Search *s, int high) { return (int)(((next_u64(s) >> 32) * (uint64_t)high) >> 32); }
static void draw_blink(Search *s) {
    s->blink_left = s->blink <= 0 ? 1 << 30 : (int)fmin(1e9, log(1.0 - uniform(s)) / log(1.0 - s->blink));
}

static double now_s(int cpu) { struct timespec t; clock_gettime(cpu ? THREAD_CPU : MONOTONIC, &t); return t.tv_sec + t.tv_nsec * 1e-9; }

static void trip_alloc(Search *s, Trip *t) {
    int w = s->width;
    t->seq = malloc(sizeof(int) * w * 9);
    t->leave = t->seq + w; t->latest = t->leave + w; t->leg = t->latest + w;
    t->sum = t->leg + w; t->wait = t->sum + w; t->pre_rel = t->wait + w; t->suf_rel = t->pre_rel + w; t->pre_load = t->suf_rel + w;
}

static void trip_copy(Search *s, Trip *to, const Trip *from) {
    int *base = to->seq; int w = s->width;
    Trip keep = *from;
    memcpy(base, from->seq, sizeof(int) * (from->n + 2));
    memcpy(base + w, from->leave, sizeof(int) * (from->n + 2));
    memcpy(base + 2 * w, from->latest, sizeof(int) * (from->n + 2));
    memcpy(base + 3 * w, from->leg, sizeof(int) * (from->n + 2));
    if (s->chained)
        for (int k = 4; k < 9; k++) memcpy(base + k * w, from->seq + k * w, sizeof(int) * (from->n + 2));
    keep.seq = base; keep.leave = base + w; keep.latest = base + 2 * w; keep.leg = base + 3 * w;
    keep.sum = base + 4 * w; keep.wait = base + 5 * w; keep.pre_rel = base + 6 * w; keep.suf_rel = base + 7 * w; keep.pre_load = base + 8 * w;
    *to = keep;
}

static void touch(Search *s, int id) {
    Trip *t = &s->trips[id];
    if (t->touched == s->stamp) return;
    s->saved_id[s->saved_n] = id;
    trip_copy(s, &s->saved[s->saved_n++], t);
    t->touched = s->stamp;
}

/* times, load and cost of one trip from its sequence, given dep's lower bound `ready` and `due` */
static void forward(Search *s, Trip *t, int ready) {
    int W = s->n + 1, time, p = 0, load = 0, cost = 0, rel = 0;
    if (s->chained) for (int i = 1; i <= t->n; i++) { int r = s->release[t->seq[i]]; if (r > rel) rel = r; }
    t->rel = rel; t->dep = ready > rel ? ready : rel;
    t->leave[0] = time = t->dep;
    if (s->chained) { t->sum[0] = 0; t->wait[0] = -(1 << 29); t->pre_rel[0] = 0; t->pre_load[0] = 0; }
    for (int i = 1; i <= t->n; i++) {
        int c = t->seq[i];
        t->leg[i - 1] = s->cost_out[p * W + c]; cost += t->leg[i - 1];
        int drive = s->time_out[p * W + c];
        time += drive;
        if (time < s->early[c]) time = s->early[c]; else if (time > s->late[c]) s->broken = 1;
        if (s->chained) {
            int add = drive + (p ? s->service[p] : 0);
            t->sum[i] = t->sum[i - 1] + add;
            int w = t->wait[i - 1] + add; t->wait[i] = w > s->early[c] ? w : s->early[c];
            t->pre_rel[i] = t->pre_rel[i - 1] > s->release[c] ? t->pre_rel[i - 1] : s->release[c];
            t->pre_load[i] = load + s->demand[c];
        }
        time += s->service[c]; t->leave[i] = time; load += s->demand[c]; p = c;
    }
    t->leg[t->n] = s->cost_out[p * W]; cost += t->leg[t->n];
    t->back = time + s->time_out[p * W]; t->leave[t->n + 1] = t->back;
    if (t->n == 0) { t->back = t->dep; cost = 0; }
    t->load = load; s->cost += cost - t->cost; t->cost = cost;
}

static void backward(Search *s, Trip *t, int due) {
    int W = s->n + 1, q = 0;
    t->due = due; t->latest[t->n + 1] = due;
    if (s->chained) t->suf_rel[t->n + 1] = 0;
    int late = due;
    for (int i = t->n; i >= 1; i--) {
        int c = t->seq[i];
        late -= s->time_out[c * W + q] + s->service[c];
        if (late > s->late[c]) late = s->late[c];
        t->latest[i] = late; q = c;
        if (s->chained) t->suf_rel[i] = t->suf_rel[i + 1] > s->release[c] ? t->suf_rel[i + 1] : s->release[c];
    }
    t->limit = t->n ? late - s->time_out[q] : due; /* row 0: from the depot */
    t->latest[0] = t->limit;
}

static void refresh(Search *s, int id) {
    Trip *t = &s->trips[id];
    int ready = t->prev >= 0 ? s->trips[t->prev].back : s->early[0];
    int due = t->next >= 0 ? s->trips[t->next].limit : s->late[0];
    forward(s, t, ready);
    backward(s, t, due);
    if (t->back > due) s->broken = 1;
    if (!s->chained) return;
    for (int last = t->back, k = t->next; k >= 0; k = s->trips[k].next) {
        Trip *f = &s->trips[k];
        int dep = last > f->rel ? last : f->rel;
        if (dep == f->dep) break;
        touch(s, k); forward(s, f, last); last = f->back;
        if (f->back > f->due) s->broken = 1;
    }
    for (int limit = t->limit, k = t->prev; k >= 0; k = s->trips[k].prev) {
        Trip *f = &s->trips[k];
        if (f->due == limit) break;
        touch(s, k); backward(s, f, limit); limit = f->limit;
        if (f->back > f->due) s->broken = 1;
    }
}

static int trips_of_vehicle(Search *s, int id) {
    int count = 1;
    for (int k = s->trips[id].prev; k >= 0; k = s->trips[k].prev) count++;
    for (int k = s->trips[id].next; k >= 0; k = s->trips[k].next) count++;
    return count;
}

static int new_trip(Search *s, int prev, int next) {
    int id = 0;
    while (s->trips[id].alive) id++;
    Trip *t = &s->trips[id];
    t->alive = 1; t->n = 0; t->cost = 0; t->prev = prev; t->next = next; t->load = 0; t->rel = 0;
    t->seq[0] = 0; t->seq[1] = 0;
    if (prev >= 0) { touch(s, prev); s->trips[prev].next = id; }
    if (next >= 0) { touch(s, next); s->trips[next].prev = id; }
    if (prev < 0 && next < 0) s->used++;
    s->alive[s->alive_n++] = id;
    if (t->touched != s->stamp) { t->touched = s->stamp; s->fresh[s->fresh_n++] = id; }
    return id;
}

static void drop_trip(Search *s, int id) { /* touched and empty */
    Trip *t = &s->trips[id];
    t->alive = 0;
    if (t->prev >= 0) { touch(s, t->prev); s->trips[t->prev].next = t->next; }
    if (t->next >= 0) { touch(s, t->next); s->trips[t->next].prev = t->prev; }
    if (t->prev < 0 && t->next < 0) s->used--;
    for (int i = 0; i < s->alive_n; i++) if (s->alive[i] == id) { s->alive[i] = s->alive[--s->alive_n]; break; }
    if (t->prev >= 0) refresh(s, t->prev); else if (t->next >= 0) refresh(s, t->next);
}

static void put(Search *s, int id, int pos, int c) { /* after position pos */
    Trip *t = &s->trips[id];
    touch(s, id);
    memmove(t->seq + pos + 2, t->seq + pos + 1, sizeof(int) * (t->n + 1 - pos));
    t->seq[pos + 1] = c; t->n++;
    s->where[c] = id;
}

/* ------------------------------------------------------------------ recreate */
enum { INTO, BEFORE, AFTER, OWN };

typedef struct { int64_t cost; int kind, trip, pos; } Place;

static inline int blinks(Search *s) { if (s->blink_left-- > 0) return 0; draw_blink(s); return 1; }

static void scan(Search *s, int c, int id, Place *best) {
    Trip *t = &s->trips[id];
    int W = s->n + 1, q = s->demand[c];
    const int *ci = s->cost_in + c * W, *co = s->cost_out + c * W, *ti = s->time_in + c * W, *to = s->time_out + c * W;
    int early = s->early[c], late = s->late[c], serve = s->service[c];
    const int *seq = t->seq, *leave = t->leave, *latest = t->latest, *leg = t->leg;
    if (t->load + q > s->cap) return;
    if (s->release[c] > t->dep) {
        int dep = s->release[c];
        if (dep > t->limit) return;
        for (int i = 0; i <= t->n; i++) {
            int p = seq[i], x = seq[i + 1];
            int delta = ci[p] + co[x] - leg[i];
            int start = i ? (t->wait[i] > dep + t->sum[i] ? t->wait[i] : dep + t->sum[i]) + s->service[p] : dep;
            int at = start + ti[p];
            if (at > late) break;
            if (delta >= best->cost) continue;
            if (at < early) at = early;
            if (at + serve + to[x] > latest[i + 1] || blinks(s)) continue;
            best->cost = delta; best->kind = INTO; best->trip = id; best->pos = i;
        }
        return;
    }
    for (int i = 0; i <= t->n; i++) {
        int p = seq[i], x = seq[i + 1];
        int at = leave[i] + ti[p];
        if (at > late) break;
        int delta = ci[p] + co[x] - leg[i];
        if (delta >= best->cost) continue;
        if (at < early) at = early;
        if (at + serve + to[x] > latest[i + 1] || blinks(s)) continue;
        best->cost = delta; best->kind = INTO; best->trip = id; best->pos = i;
    }
}

/* splitting a trip in two around c, where vehicles may reload */
static void scan_split(Search *s, int c, int id, Place *best) {
    Trip *t = &s->trips[id];
    int W = s->n + 1, q = s->demand[c], home_c = s->cost_out[c * W], out_c = s->cost_in[c * W];
    const int *ci = s->cost_in + c * W, *co = s->cost_out + c * W, *ti = s->time_in + c * W, *to = s->time_out + c * W;
    int ready = t->prev >= 0 ? s->trips[t->prev].back : s->early[0];
    if (s->max_trips && trips_of_vehicle(s, id) >= s->max_trips) return;
    for (int i = 1; i < t->n; i++) {
        int p = t->seq[i], x = t->seq[i + 1];
        int rel1 = t->pre_rel[i], rel2 = t->suf_rel[i + 1];
        /* p, depot, c, x */
        int delta = s->cost_out[p * W] + out_c + co[x] - t->leg[i];
        if (delta < best->cost && t->load - t->pre_load[i] + q <= s->cap) {
            int dep = ready > rel1 ? ready : rel1;
            int start = t->wait[i] > dep + t->sum[i] ? t->wait[i] : dep + t->sum[i];
            int back = start + s->service[p] + s->time_out[p * W];
            int r = rel2 > s->release[c] ? rel2 : s->release[c];
            int at = (back > r ? back : r) + s->time_out[c];
            if (at < s->early[c]) at = s->early[c];
            if (at <= s->late[c] && at + s->service[c] + to[x] <= t->latest[i + 1] && !blinks(s)) {
                best->cost = delta; best->kind = BEFORE; best->trip = id; best->pos = i;
            }
        }
        /* p, c, depot, x */
        delta = ci[p] + home_c + s->cost_out[x] - t->leg[i];
        if (delta < best->cost && t->pre_load[i] + q <= s->cap) {
            int r = rel1 > s->release[c] ? rel1 : s->release[c];
            int dep = ready > r ? ready : r;
            int start = t->wait[i] > dep + t->sum[i] ? t->wait[i] : dep + t->sum[i];
            int at = start + s->service[p] + ti[p];
            if (start > t->latest[i] && start > s->late[p]) continue;
            if (dep > ready && dep > t->dep) { /* a later start must still suit the stops before */
                if (dep > t->limit) continue;
            }
            if (at < s->early[c]) at = s->early[c];
            if (at > s->late[c]) continue;
            int back = at + s->service[c] + s->time_out[c * W];
            int go = back > rel2 ? back : rel2;
            if (go + s->time_out[x] <= t->latest[i + 1] && !blinks(s)) {
                best->cost = delta; best->kind = AFTER; best->trip = id; best->pos = i;
            }
        }
    }
}

/* a trip of its own: in a free vehicle, or between the trips of one. pos -1 before trip, 0 after trip */
static void scan_own(Search *s, int c, Place *best) {
    int W = s->n + 1;
    int64_t cost = (int64_t)s->cost_in[c * W] + s->cost_out[c * W];
    if (cost >= best->cost || s->demand[c] > s->cap) return;
    int out = s->time_out[c], home = s->time_out[c * W];
    if (s->used < s->vehicles) {
        int dep = s->early[0] > s->release[c] ? s->early[0] : s->release[c];
        int at = dep + out; if (at < s->early[c]) at = s->early[c];
        if (at <= s->late[c] && at + s->service[c] + home <= s->late[0]) {
            best->cost = cost; best->kind = OWN; best->trip = -1; best->pos = 0;
            return;
        }
    }
    if (s->max_trips == 1) return;
    int offset = s->alive_n ? below(s, s->alive_n) : 0;
    for (int k = 0; k < s->alive_n; k++) {
        int id = s->alive[(k + offset) % s->alive_n];
        Trip *t = &s->trips[id];
        for (int after = t->prev >= 0 ? 1 : 0; after < 2; after++) {
            int ready = after ? t->back : s->early[0];
            int due = after ? (t->next >= 0 ? s->trips[t->next].limit : s->late[0]) : t->limit;
            int dep = ready > s->release[c] ? ready : s->release[c];
            int at = dep + out; if (at < s->early[c]) at = s->early[c];
            if (at > s->late[c] || at + s->service[c] + home > due) continue;
            if (s->max_trips && trips_of_vehicle(s, id) >= s->max_trips) continue;
            best->cost = cost; best->kind = OWN; best->trip = id; best->pos = after;
            return;
        }
    }
}

static void apply(Search *s, int c, const Place *at) {
    if (at->kind == INTO) { put(s, at->trip, at->pos, c); refresh(s, at->trip); return; }
    if (at->kind == OWN) {
        int prev = -1, next = -1;
        if (at->trip >= 0) {
            if (at->pos) { prev = at->trip; next = s->trips[prev].next; }
            else { next = at->trip; prev = s->trips[next].prev; }
        }
        int id = new_trip(s, prev, next);
        put(s, id, 0, c); refresh(s, id); return;
    }
    Trip *t = &s->trips[at->trip];
    touch(s, at->trip);
    int id = new_trip(s, at->trip, t->next), i = at->pos, moved = t->n - i;
    Trip *f = &s->trips[id];
    memcpy(f->seq + 1, t->seq + i + 1, sizeof(int) * moved); f->n = moved; f->seq[moved + 1] = 0;
    for (int k = 1; k <= moved; k++) s->where[f->seq[k]] = id;
    t->n = i; t->seq[i + 1] = 0;
    if (at->kind == BEFORE) { put(s, id, 0, c); } else { put(s, at->trip, t->n, c); }
    /* the new trip first, so that the old one sees its limit */
    int before = s->broken;
    f->dep = -1; f->back = 0; 
    forward(s, t, t->prev >= 0 ? s->trips[t->prev].back : s->early[0]);
    refresh(s, id);
    s->broken = before;
    refresh(s, at->trip);
}

static void sort_absent(Search *s) {
    int kind = below(s, 14), *k = s->key, n = s->absent_n;
    for (int i = 0; i < n; i++) {
        int c = s->absent[i];
        k[c] = kind < 4 ? below(s, 1 << 30)
             : kind < 7 ? -s->demand[c]
             : kind < 9 ? -s->depot_far[c]
             : kind < 10 ? s->depot_far[c]
             : kind < 12 ? s->late[c] - s->early[c]
             : kind < 13 ? s->early[c] : -s->late[c];
    }
    for (int i = 1; i < n; i++) {
        int c = s->absent[i], j = i - 1;
        while (j >= 0 && k[s->absent[j]] > k[c]) { s->absent[j + 1] = s->absent[j]; j--; }
        s->absent[j + 1] = c;
    }
}

static void recreate(Search *s) {
    sort_absent(s);
    int left = 0, own = uniform(s) < s->own; /* now and then the first opens a trip, which greed alone would never do */
    for (int i = 0; i < s->absent_n; i++) {
        int c = s->absent[i];
        Place best = { INT64_MAX, -1, -1, -1 };
        if (own) scan_own(s, c, &best);
        if (best.kind < 0) {
            for (int k = 0; k < s->alive_n; k++) scan(s, c, s->alive[k], &best);
            if (s->max_trips != 1) for (int k = 0; k < s->alive_n; k++) scan_split(s, c, s->alive[k], &best);
            scan_own(s, c, &best);
        }
        own = 0;
        if (best.kind < 0) s->absent[left++] = c; else apply(s, c, &best);
        if (s->broken) { for (i++; i < s->absent_n; i++) s->absent[left++] = s->absent[i]; break; }
    }
    s->absent_n = left;
}

/* ------------------------------------------------------------------ ruin */
static void take_out(Search *s, int id, int from, int count) {
    Trip *t = &s->trips[id];
    touch(s, id);
    for (int i = from; i < from + count; i++) { int c = t->seq[i]; s->where[c] = -1; s->absent[s->absent_n++] = c; }
    memmove(t->seq + from, t->seq + from + count, sizeof(int) * (t->n + 2 - from - count));
    t->n -= count;
}

static void ruin(Search *s) {
    int filled = s->n - s->absent_n;
    if (!filled) return;
    double average = (double)filled / s->alive_n;
    double longest = fmin(s->longest, average);
    double most = 4.0 * s->removed / (1.0 + longest) - 1.0;
    int strings = (int)(uniform(s) * most + 1.0), hit_n = 0, hit[64];
    if (strings > 60) strings = 60;
    int seed = 1 + below(s, s->n);
    const int *near = s->near + (size_t)seed * s->n;
    for (int k = 0; k < s->n && hit_n < strings; k++) {
        int c = near[k], id = s->where[c];
        if (id < 0) continue;
        int seen = 0;
        for (int h = 0; h < hit_n; h++) if (hit[h] == id) { seen = 1; break; }
        if (seen) continue;
        hit[hit_n++] = id;
        Trip *t = &s->trips[id];
        double bound = fmin(t->n, longest);
        int length = (int)(uniform(s) * bound + 1.0);
        if (length > t->n) length = t->n;
        int pos = 1;
        while (t->seq[pos] != c) pos++;
        int keep = 0;
        if (length > 1 && length < t->n && uniform(s) < 0.5) {
            keep = 1;
            while (length + keep < t->n && uniform(s) > 0.01) keep++;
        }
        int span = length + keep;
        int low = pos - span + 1 < 1 ? 1 : pos - span + 1, high = pos > t->n - span + 1 ? t->n - span + 1 : pos;
        int from = low + below(s, high - low + 1);
        if (keep) {
            int first = below(s, length + 1); /* removed before what is kept */
            if (length - first) take_out(s, id, from + first + keep, length - first);
            if (first) take_out(s, id, from, first);
        } else take_out(s, id, from, length);
    }
    for (int h = 0; h < hit_n; h++) {
        int id = hit[h];
        refresh(s, id);
        if (s->trips[id].n == 0) drop_trip(s, id);
    }
}

/* ------------------------------------------------------------------ search */
static void begin(Search *s) {
    s->stamp++; s->saved_n = 0; s->fresh_n = 0; s->broken = 0;
    memcpy(s->old_alive, s->alive, sizeof(int) * s->alive_n); s->old_alive_n = s->alive_n; s->old_used = s->used;
    memcpy(s->old_absent, s->absent, sizeof(int) * s->absent_n); s->old_absent_n = s->absent_n; s->old_cost = s->cost;
}

static void undo(Search *s) {
    for (int i = 0; i < s->fresh_n; i++) s->trips[s->fresh[i]].alive = 0;
    for (int i = 0; i < s->saved_n; i++) {
        int id = s->saved_id[i];
        trip_copy(s, &s->trips[id], &s->saved[i]);
        Trip *t = &s->trips[id];
        if (t->alive) for (int k = 1; k <= t->n; k++) s->where[t->seq[k]] = id;
    }
    memcpy(s->alive, s->old_alive, sizeof(int) * s->old_alive_n); s->alive_n = s->old_alive_n; s->used = s->old_used;
    memcpy(s->absent, s->old_absent, sizeof(int) * s->old_absent_n); s->absent_n = s->old_absent_n; s->cost = s->old_cost;
    for (int i = 0; i < s->absent_n; i++) s->where[s->absent[i]] = -1;
}

static void keep_best(Search *s) {
    int len = 0;
    for (int k = 0; k < s->alive_n; k++) {
        if (s->trips[s->alive[k]].prev >= 0) continue;
        for (int id = s->alive[k]; id >= 0; id = s->trips[id].next) {
            Trip *t = &s->trips[id];
            memcpy(s->best + len, t->seq + 1, sizeof(int) * t->n); len += t->n;
            s->best[len++] = t->next >= 0 ? 0 : -1;
        }
    }
    s->best_len = len; s->best_cost = s->cost; s->best_absent = s->absent_n; s->bests++;
}

Search *engine_new(int n, const int *cost, const int *time, const int *demand, const int *early, const int *late,
                   const int *service, const int *release, int capacity, int vehicles, int max_trips, uint64_t seed,
                   double removed, double longest, double blink, double own) {
    Search *s = calloc(1, sizeof *s);
    int W = n + 1;
    s->n = n; s->cap = capacity; s->vehicles = vehicles < n ? vehicles : n; s->max_trips = max_trips; s->width = n + 3;
    s->removed = removed; s->longest = longest; s->blink = blink; s->own = own;
    size_t cells = (size_t)W * W;
    s->cost_out = malloc(sizeof(int) * cells * 4); s->cost_in = s->cost_out + cells; s->time_out = s->cost_in + cells; s->time_in = s->time_out + cells;
    memcpy(s->cost_out, cost, sizeof(int) * cells); memcpy(s->time_out, time, sizeof(int) * cells);
    for (int i = 0; i < W; i++) for (int j = 0; j < W; j++) { s->cost_in[j * W + i] = cost[i * W + j]; s->time_in[j * W + i] = time[i * W + j]; }
    s->demand = malloc(sizeof(int) * W * 5); s->early = s->demand + W; s->late = s->early + W; s->service = s->late + W; s->release = s->service + W;
    memcpy(s->demand, demand, sizeof(int) * W); memcpy(s->early, early, sizeof(int) * W); memcpy(s->late, late, sizeof(int) * W);
    memcpy(s->service, service, sizeof(int) * W); memcpy(s->release, release, sizeof(int) * W);
    s->service[0] = 0;
    s->chained = max_trips != 1;
    for (int c = 1; c <= n; c++) if (release[c] > 0) s->chained = 1;
    s->rng[0] = seed * 0x9E3779B97F4A7C15ull + 0xD1B54A32D192ED03ull; s->rng[1] = seed ^ 0x2545F4914F6CDD1Dull;
    for (int i = 0; i < 20; i++) next_u64(s);
    s->near = malloc(sizeof(int) * (size_t)W * n);
    int64_t *d = malloc(sizeof(int64_t) * W);
    for (int c = 1; c <= n; c++) {
        int *row = s->near + (size_t)c * n;
        for (int j = 1; j <= n; j++) { d[j] = j == c ? -1 : (int64_t)cost[c * W + j] + cost[j * W + c]; row[j - 1] = j; }
        /* shell sort: n is at most a thousand or two */
        for (int gap = n / 2; gap > 0; gap /= 2)
            for (int i = gap; i < n; i++) { int v = row[i], k = i; while (k >= gap && d[row[k - gap]] > d[v]) { row[k] = row[k - gap]; k -= gap; } row[k] = v; }
    }
    free(d);
    s->depot_far = malloc(sizeof(int) * W);
    int far = 0; for (size_t i = 0; i < cells; i++) if (cost[i] > far && cost[i] < (1 << 26)) far = cost[i];
    for (int c = 0; c <= n; c++) s->depot_far[c] = cost[c];
    s->penalty = 4 * (int64_t)far;
    s->slots = n + 2;
    s->trips = calloc(s->slots, sizeof(Trip)); s->saved = calloc(s->slots + 2, sizeof(Trip));
    for (int i = 0; i < s->slots; i++) trip_alloc(s, &s->trips[i]);
    for (int i = 0; i < s->slots + 2; i++) trip_alloc(s, &s->saved[i]);
    int *block = calloc((size_t)(s->slots + 4) * 12, sizeof(int)); int w = s->slots + 4;
    s->alive = block; s->where = block + w; s->absent = block + 2 * w; s->saved_id = block + 3 * w; s->old_alive = block + 4 * w;
    s->old_absent = block + 5 * w; s->fresh = block + 6 * w; s->best = block + 7 * w; /* two wide */ s->key = block + 9 * w; s->misses = block + 10 * w;
    for (int c = 1; c <= n; c++) { s->where[c] = -1; s->absent[s->absent_n++] = c; }
    s->best_absent = n + 1; s->best_cost = INT64_MAX;
    draw_blink(s);
    begin(s); recreate(s); keep_best(s);
    return s;
}

void engine_free(Search *s) {
    for (int i = 0; i < s->slots; i++) free(s->trips[i].seq);
    for (int i = 0; i < s->slots + 2; i++) free(s->saved[i].seq);
    free(s->alive); free(s->trips); free(s->saved); free(s->depot_far); free(s->near); free(s->demand); free(s->cost_out); free(s);
}

static int64_t missed(Search *s, const int *list, int n) { int64_t sum = 0; for (int i = 0; i < n; i++) sum += s->misses[list[i]] + 1; return sum; }

/* Runs until `iterations` or `seconds` are over; the temperature falls from `hot` to `cold` over that share. */
int64_t engine_run(Search *s, double seconds, int64_t iterations, double hot, double cold, int cpu) {
    double start = now_s(cpu), temperature = hot, ratio = cold / hot;
    int64_t k = 0;
    for (; k < iterations; k++) {
        if (k % 32 == 0) {
            double part = (double)k / (double)iterations;
            if (seconds > 0) { double p = (now_s(cpu) - start) / seconds; if (p > part) part = p; }
            if (part >= 1.0) break;
            temperature = hot * pow(ratio, part);
        }
        begin(s);
        ruin(s);
        if (!s->broken) recreate(s);
        if (s->broken) { undo(s); continue; }
        int better = 0;
        if (s->absent_n != s->old_absent_n || s->absent_n) {
            for (int i = 0; i < s->absent_n; i++) s->misses[s->absent[i]]++;
            int64_t a = missed(s, s->absent, s->absent_n), b = missed(s, s->old_absent, s->old_absent_n);
            better = a < b ? 1 : a > b ? -1 : 0;
        }
        double threshold = (double)s->old_cost - temperature * log(uniform(s) + 1e-300);
        if (better > 0 || (better == 0 && (double)s->cost < threshold)) {
            s->accepted++;
            if (s->absent_n < s->best_absent || (s->absent_n == s->best_absent && s->cost < s->best_cost)) keep_best(s);
        } else undo(s);
    }
    s->iterations += k;
    return k;
}

int64_t engine_cost(Search *s) { return s->best_cost; }
int engine_absent(Search *s) { return s->best_absent; }
int64_t engine_current(Search *s) { return s->cost; }
int engine_best(Search *s, int *out) { memcpy(out, s->best, sizeof(int) * s->best_len); return s->best_len; }

/* Takes another's answer as the current one: customers, 0 between trips, -1 after each vehicle. */
int engine_adopt(Search *s, const int *code, int len) {
    for (int i = 0; i < s->slots; i++) s->trips[i].alive = 0;
    s->alive_n = s->used = s->absent_n = 0; s->cost = 0;
    for (int c = 1; c <= s->n; c++) s->where[c] = -1;
    begin(s);
    int id = -1;
    for (int i = 0; i < len; i++) {
        if (code[i] == -1) { id = -1; continue; }
        if (code[i] == 0) { id = new_trip(s, id, -1); continue; }
        if (id < 0) id = new_trip(s, -1, -1);
        put(s, id, s->trips[id].n, code[i]);
    }
    for (int k = 0; k < s->alive_n; k++) {
        if (s->trips[s->alive[k]].prev >= 0) continue;
        int last = s->alive[k];
        for (int t = last; t >= 0; t = s->trips[t].next) { Trip *f = &s->trips[t]; forward(s, f, f->prev >= 0 ? s->trips[f->prev].back : s->early[0]); last = t; }
        for (int t = last; t >= 0; t = s->trips[t].prev) { Trip *f = &s->trips[t]; backward(s, f, f->next >= 0 ? s->trips[f->next].limit : s->late[0]); if (f->back > f->due) s->broken = 1; if (f->load > s->cap) s->broken = 1; }
    }
    for (int c = 1; c <= s->n; c++) if (s->where[c] < 0) s->absent[s->absent_n++] = c;
    int broken = s->broken;
    if (!broken && (s->absent_n < s->best_absent || (s->absent_n == s->best_absent && s->cost < s->best_cost))) keep_best(s);
    return broken;
}
