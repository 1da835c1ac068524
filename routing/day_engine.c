/* Ruin and recreate over the vans of a day, by the true measure of a plan; day_engine.py says what comes in and out.
 *
 * A sequence is timed here as `timing.py` times it and costs what `draft.Worth` says: windows, loads, times aboard,
 * rests, range; driving, what is put off, times that are not as told, uneven work, hurried residents. A test holds the
 * two against each other. A try takes some tasks out (`ruin`), puts each back where it costs least (`recreate`), and is
 * kept unless it costs much more than the best. Where a task could go is first guessed from a few sums a position;
 * the best guesses are timed.
 *
 * Words: a node is whatever a van can do: a task, a fetch, an end of a ride, a loading, a charging, a rest. Position p
 * of a sequence is before its visit p. The first `frozen` visits of a van are facts: they are timed, never refused and
 * never moved. Times are seconds from now; no sum leaves 32 bits, day_engine.py refuses what could.
 */
#include <stddef.h>
#include <stdint.h>

void *calloc(size_t, size_t);
void free(void *);
void *memcpy(void *, const void *, size_t), *memmove(void *, const void *, size_t);

enum { NONE = -1, NEVER = 1 << 28, LONG_AGO = -(1 << 28) };
enum { COLUMNS = 6, PARCELS = 3, SEATS = 5 };                        /* of a load, as COMPARTMENTS */
enum { TASK, FETCH, PICKUP, DROPOFF, RELOAD, CHARGE, REST };
enum { ALLOWED = 1, LOADABLE = 2, NEEDS_FETCH = 4, ON_BOARD = 8 };   /* what a node is to a van */
enum { OUT_OF_PLAN = 10000000 };                                     /* what a must that is left out costs */
enum { MOST_TIMED = 5 };                                             /* guesses that are timed for one task */
enum { MOST_OUT = 24 };                                              /* tasks that a try puts back */
enum { SPARE = 64 };                                                 /* positions beyond two for each node */
enum { WAITS = 300 };                                                /* so long a wait takes up what comes before it */

typedef struct {
    int kind, place;        /* place NONE: a rest wherever the van then stands */
    int service;
    int release;            /* when its goods are at the depot */
    int limit, since;       /* how long its goods or passenger may be aboard (NONE: for ever), since when they are */
    int mate;               /* of a drop-off its pickup and the other way round, of a task its fetch likewise */
    int of_van;             /* the van whose rest it is, or in which its passenger sits from the start */
    int told;               /* when it was said to start; NEVER: nothing was */
    int promptly;           /* to start later than this is to put it off; NEVER: nobody minds */
    int held_from, held_to; /* when it may start while people count on what they were told */
    int talk;               /* the first minutes that its resident wants */
    int value;              /* what leaving it out costs */
    int movable;
    int fetchable;          /* its goods lie elsewhere than at a depot */
    int window, windows;    /* its first in the list of all, and how many */
    int gives[COLUMNS], takes[COLUMNS];
} Node;

typedef struct {
    int place, home, ready, until;      /* where it stands, and until when its shift is */
    int frozen;
    int partition;
    int room[COLUMNS], collected[COLUMNS];
    int seated, seats;                  /* passengers aboard at the start, and their seats */
    int has_charge;                     /* whether its charge is known */
    int time;                           /* what it has for work */
    double charge, least;               /* percent */
    double of_metre, of_metre_kg, of_driving, of_staying, of_stop, gained;
} Van;

typedef struct {
    double put_off, balance, talk, unit_kg[COLUMNS];
    int surprise, hold;
} Prices;

/* What a van does, when, and what is known at each position. */
typedef struct {
    int count, cost;
    double price;               /* of one more second of work */
    int *node, *place;
    int *arrive, *start, *depart;
    int *latest;                /* by position: the latest arrival there that breaks no window, opening hour or shift */
    int *followers;             /* by position: tasks that a delay there puts off before a wait takes it up */
} Tour;

enum { TOUR_COLUMNS = 7 };

typedef struct {
    int nodes, vans, places, width;
    Node *node;
    Van *van;
    Prices price;
    int *windows;               /* pairs */
    int *to_van, *surcharge;    /* by van and node */
    int *on_board, *first_on_board; /* nodes whose goods are in a van, and where a van's begin in that list */
    int *duration, *distance;
    int *near, *near_count;     /* by movable node: the others by nearness */
    int *movable, movable_count;

    Tour *tour, *saved, *best;
    Tour trial;                 /* what is timed at the moment */
    int *van_of;                /* by node, NONE: nobody comes */
    int *at;                    /* by node, scratch: its position in the trial, NONE */
    int *not_before, *loaded_at; /* by position, scratch */
    double *kg;                 /* by position, scratch */
    int64_t best_cost;
    uint64_t random[2];
} Day;

static inline int larger(int a, int b) { return a > b ? a : b; }
static inline int smaller(int a, int b) { return a < b ? a : b; }
static inline int serves(int kind) { return kind <= DROPOFF; }

/* ------------------------------------------------------------------ chance */

static uint64_t draw(Day *d) { /* xorshift128+ */
    uint64_t a = d->random[0], b = d->random[1];
    d->random[0] = b;
    a ^= a << 23;
    d->random[1] = a ^ b ^ (a >> 18) ^ (b >> 5);
    return d->random[1] + b;
}

static inline int below(Day *d, int high) { return (int)(((draw(d) >> 32) * (uint64_t)high) >> 32); }

/* ------------------------------------------------------------------ timing: as timing.py, without names of faults */

static inline int drive(const Day *d, int from, int to) { return d->duration[(size_t)from * d->places + to]; }

/* Where each visit is, and at which position each node; for each visit that hands over goods from the depot the loading
 * before it. 0 where the van may not do one of them. */
static int lay_down(Day *d, int v, Tour *t) {
    const Van *van = &d->van[v];
    const int *to_van = d->to_van + (size_t)v * d->nodes;
    int done = t->count, here = van->place, loading = NONE, allowed = 1;
    while (done > 0 && d->node[t->node[done - 1]].kind == REST) done--;
    for (int i = 0; i < t->count; i++) {
        int n = t->node[i];
        const Node *node = &d->node[n];
        if (i >= van->frozen && !(to_van[n] & ALLOWED)) allowed = 0;
        here = node->place >= 0 ? node->place : i < done ? here : van->home;
        t->place[i] = here;
        d->at[n] = i;
        d->not_before[i] = LONG_AGO;
        d->loaded_at[i] = i;
        if (node->kind == RELOAD) loading = i;
        else if (serves(node->kind) && to_van[n] & LOADABLE) d->loaded_at[i] = loading;
    }
    return allowed;
}

static int in_window(const Day *d, const Node *node, int frozen, int *time) {
    for (int k = node->window; k < node->window + node->windows; k++)
        if (*time <= d->windows[2 * k + 1]) {
            *time = larger(*time, d->windows[2 * k]);
            return 1;
        }
    return frozen;
}

/* A loading waits for what it loads. */
static int at_depot(const Day *d, const Tour *t, int frozen, int i, int *time) {
    const Node *depot = &d->node[t->node[i]];
    int released = larger(*time, d->windows[2 * depot->window]);
    for (int k = i + 1; k < t->count; k++) {
        if (d->loaded_at[k] != i) continue;
        int release = d->node[t->node[k]].release;
        if (release <= released) continue;
        if (i < frozen && frozen <= k) return 0; /* what is committed does not wait for other goods */
        released = release;
    }
    *time = released;
    return i < frozen || released + depot->service <= d->windows[2 * depot->window + 1];
}

static int at_rest(const Day *d, const Tour *t, int frozen, int i, int *time) {
    const Node *rest = &d->node[t->node[i]];
    int late = *time > d->windows[2 * rest->window + 1];
    *time = larger(*time, d->windows[2 * rest->window]);
    for (int k = frozen; late && k < i; k++)
        if (d->node[t->node[k]].kind != REST) return 0;
    return 1;
}

static int forward(Day *d, int v, Tour *t, int *end, int *driven) {
    const Van *van = &d->van[v];
    int time = van->ready, place = van->place;
    *driven = 0;
    for (int i = 0; i < t->count; i++) {
        const Node *node = &d->node[t->node[i]];
        int seconds = drive(d, place, t->place[i]), holds = 1;
        if (seconds < 0) return 0;
        *driven += seconds;
        t->arrive[i] = time += seconds;
        time = larger(time, d->not_before[i]);
        if (serves(node->kind)) holds = in_window(d, node, i < van->frozen, &time);
        else if (node->kind == REST) holds = at_rest(d, t, van->frozen, i, &time);
        else if (node->kind == RELOAD) holds = at_depot(d, t, van->frozen, i, &time);
        if (!holds) return 0;
        t->start[i] = time;
        t->depart[i] = time += node->service;
        place = t->place[i];
    }
    int back = drive(d, place, van->home);
    if (back < 0) return 0;
    *driven += back;
    *end = time + back;
    return *end <= van->until || t->count <= van->frozen;
}

/* From which visit on what visit i hands over is aboard, where that may not be for ever; NONE. */
static int aboard_from(const Day *d, int v, const Tour *t, int i) {
    int n = t->node[i];
    const Node *node = &d->node[n];
    if (!serves(node->kind) || i < d->van[v].frozen || node->limit < 0) return NONE;
    if (node->kind == TASK && d->to_van[(size_t)v * d->nodes + n] & LOADABLE) return d->loaded_at[i];
    if (node->mate < 0 || node->since != LONG_AGO) return NONE;
    int begun = d->at[node->mate];
    return begun < i ? begun : NONE;
}

/* Leaves later where goods or a passenger would be aboard too long. */
static int shorten(Day *d, int v, Tour *t, int *end, int *driven) {
    int spans = 0, frozen = d->van[v].frozen;
    for (int i = 0; i < t->count; i++) spans += aboard_from(d, v, t, i) >= 0;
    for (int round = 0; round <= 4 * spans; round++) {
        int changed = 0;
        for (int i = frozen; i < t->count; i++) {
            int first = aboard_from(d, v, t, i);
            if (first < 0) continue;
            int excess = t->start[i] - t->depart[first] - d->node[t->node[i]].limit;
            if (excess <= 0) continue;
            if (first < frozen) return 0;
            d->not_before[first] = t->start[first] + excess;
            changed = 1;
            if (!forward(d, v, t, end, driven)) return 0;
        }
        if (!changed) return 1;
    }
    return 0;
}

/* Goods that were aboard before now have their limit too; and people count on what they were told. */
static int in_time(const Day *d, int v, const Tour *t) {
    for (int i = d->van[v].frozen; i < t->count; i++) {
        int n = t->node[i];
        const Node *node = &d->node[n];
        if (!serves(node->kind)) continue;
        if (t->start[i] < node->held_from || t->start[i] > node->held_to) return 0;
        if (node->since == LONG_AGO || node->limit < 0 || t->start[i] - node->since <= node->limit) continue;
        if (d->to_van[(size_t)v * d->nodes + n] & ON_BOARD || node->fetchable) return 0;
    }
    return 1;
}

/* A van that is under way when the time for a rest ends has had it. */
static int rested(const Day *d, int v, const Tour *t, int end) {
    if (t->count <= d->van[v].frozen) return 1;
    for (int n = 0; n < d->nodes && d->node[n].kind == REST; n++) /* rests are the first nodes */
        if (d->node[n].of_van == v && d->at[n] < 0 && end > d->windows[2 * d->node[n].window + 1]) return 0;
    return 1;
}

/* ------------------------------------------------------------------ loads and range */

typedef struct {
    int aboard[COLUMNS], collected[COLUMNS];
    int riding, seats, fetched;
    double kg;
} Cargo;

static void take(const Day *d, Cargo *c, int *hold, const int *load, int sign) {
    for (int k = 0; k < COLUMNS; k++)
        if (load[k]) {
            hold[k] += sign * load[k];
            c->kg += sign * load[k] * d->price.unit_kg[k];
        }
}

/* Only what is added can be too much; what was there already is a fact. */
static int fits(const Van *van, const Cargo *c, const int *added) {
    for (int k = 0; k < COLUMNS; k++)
        if (added[k] && c->aboard[k] + c->collected[k] > van->room[k]) return 0;
    return 1;
}

/* No passenger sits beside food or laundry without a wall. */
static int apart(const Van *van, const Cargo *c) {
    if (van->partition || !c->riding) return 1;
    for (int k = 0; k < SEATS; k++)
        if (k != PARCELS && c->aboard[k] + c->collected[k] > 0) return 0;
    return 1;
}

static void begin_cargo(const Day *d, int v, Cargo *c) {
    const Van *van = &d->van[v];
    *c = (Cargo){.riding = van->seated, .seats = van->seats};
    take(d, c, c->collected, van->collected, 1);
    c->kg += van->seats * d->price.unit_kg[SEATS];
    for (int k = d->first_on_board[v]; k < d->first_on_board[v + 1]; k++) {
        int n = d->on_board[k];
        take(d, c, d->at[n] >= 0 ? c->aboard : c->collected, d->node[n].gives, 1);
    }
}

static int load_up(const Day *d, const Van *van, const Tour *t, Cargo *c, int i) {
    int last = NONE;
    if (c->fetched && i >= van->frozen) return 0; /* PyVRP knows no goods from elsewhere that cross a loading */
    for (int k = 0; k < COLUMNS; k++) {
        c->kg -= c->collected[k] * d->price.unit_kg[k];
        c->collected[k] = 0;
    }
    for (int k = i + 1; k < t->count; k++)
        if (d->loaded_at[k] == i) {
            take(d, c, c->aboard, d->node[t->node[k]].gives, 1);
            last = k;
        }
    if (last < van->frozen) return 1;
    for (int k = i + 1; k <= last; k++)
        if (d->loaded_at[k] == i && !fits(van, c, d->node[t->node[k]].gives)) return 0;
    return apart(van, c);
}

static int serve(const Day *d, int v, const Tour *t, Cargo *c, int i) {
    const Van *van = &d->van[v];
    int n = t->node[i], chosen = i >= van->frozen;
    const Node *node = &d->node[n];
    if (node->kind == FETCH) {
        take(d, c, c->aboard, node->takes, 1);
        c->fetched += d->at[node->mate] > i;
        return !chosen || (fits(van, c, node->takes) && apart(van, c));
    }
    if (node->kind == PICKUP) {
        c->riding++;
        c->seats += node->takes[SEATS];
        c->kg += node->takes[SEATS] * d->price.unit_kg[SEATS];
        return !chosen || (c->seats <= van->room[SEATS] && apart(van, c));
    }
    int begun = node->mate >= 0 && d->at[node->mate] >= 0 && d->at[node->mate] < i;
    if (node->kind == DROPOFF) {
        c->riding--;
        c->seats -= node->gives[SEATS];
        c->kg -= node->gives[SEATS] * d->price.unit_kg[SEATS];
        return begun || node->of_van == v;
    }
    if (d->loaded_at[i] < 0) return 0;
    if (node->fetchable) {
        if (!begun && d->to_van[(size_t)v * d->nodes + n] & NEEDS_FETCH) return 0;
        c->fetched -= begun;
    }
    take(d, c, c->aboard, node->gives, -1);
    int collects = 0;
    for (int k = 0; k < COLUMNS; k++) collects |= node->takes[k];
    if (!collects) return 1;
    take(d, c, c->collected, node->takes, 1);
    return !chosen || (fits(van, c, node->takes) && apart(van, c));
}

static int loads(Day *d, int v, const Tour *t) {
    const Van *van = &d->van[v];
    Cargo c;
    begin_cargo(d, v, &c);
    d->kg[0] = c.kg;
    for (int i = 0; i < t->count; i++) {
        int kind = d->node[t->node[i]].kind;
        if (serves(kind)) {
            if (!serve(d, v, t, &c, i)) return 0;
        } else {
            if (c.riding && i >= van->frozen) return 0;
            if (kind == RELOAD && !load_up(d, van, t, &c, i)) return 0;
        }
        d->kg[i + 1] = c.kg;
    }
    return !c.riding;
}

static int charge_left(const Day *d, int v, const Tour *t) {
    const Van *van = &d->van[v];
    if (!van->has_charge) return 1;
    double charge = van->charge;
    int charged = 0, place = van->place, back = t->count; /* from there on nothing but rests and charging follows */
    while (back > 0 && (d->node[t->node[back - 1]].kind == REST || d->node[t->node[back - 1]].kind == CHARGE)) back--;
    for (int i = 0; i <= t->count; i++) {
        int to = i < t->count ? t->place[i] : van->home;
        int metres = d->distance[(size_t)place * d->places + to];
        charge -= metres * (van->of_metre + van->of_metre_kg * d->kg[i]) + van->of_driving * drive(d, place, to);
        place = to;
        if (i == t->count) break;
        const Node *node = &d->node[t->node[i]];
        if (serves(node->kind)) {
            charge -= van->of_stop + van->of_staying * (t->depart[i] - t->arrive[i]);
        } else if (node->kind == REST && to != van->home) {
            charge -= van->of_staying * (t->depart[i] - t->arrive[i]);
        } else if (node->kind == CHARGE) {
            if (i >= back && charge < van->least && t->count > van->frozen) return 0;
            charge += van->gained * node->service;
            if (charge > 100.0) charge = 100.0;
            charged = 1;
            continue;
        }
        if (charge < van->least && i >= van->frozen) return 0;
    }
    return charge >= van->least || !(charged || t->count > van->frozen);
}

/* ------------------------------------------------------------------ what it costs: as draft.Worth */

/* The latest arrival at each position, and how many tasks a delay there puts off. */
static void backward(const Day *d, int v, Tour *t) {
    const Van *van = &d->van[v];
    int bound = van->until, place = van->home;
    t->latest[t->count] = bound;
    t->followers[t->count] = 0;
    for (int i = t->count - 1; i >= 0; i--) {
        const Node *node = &d->node[t->node[i]];
        int waits = t->start[i] - t->arrive[i] > WAITS;
        t->followers[i] = waits ? 0 : t->followers[i + 1] + (node->kind == TASK);
        if (i < van->frozen) {
            t->latest[i] = NEVER;
            continue;
        }
        int seconds = drive(d, t->place[i], place);
        bound -= seconds < 0 ? NEVER : seconds;
        const int *window = d->windows + 2 * node->window;
        if (node->kind == RELOAD) bound = smaller(bound, window[1]) - node->service;
        else if (node->kind == CHARGE) bound -= node->service;
        else if (node->kind == REST) bound = smaller(bound - node->service, window[1]);
        else {
            int by = bound - node->service;
            bound = LONG_AGO;
            for (int k = node->windows - 1; k >= 0; k--)
                if (window[2 * k] <= by) {
                    bound = smaller(window[2 * k + 1], by);
                    break;
                }
        }
        t->latest[i] = bound = larger(bound, LONG_AGO);
        place = t->place[i];
    }
}

/* How much of the residents' first minutes the sequence has no room for. */
static int talk_short(const Day *d, const Tour *t, int end) {
    int pushed = 0, missing = 0;
    for (int i = 0; i < t->count; i++) {
        pushed = larger(0, pushed - (t->start[i] - t->arrive[i])); /* waiting takes it up */
        int wanted = d->node[t->node[i]].talk;
        if (!wanted) continue;
        int next_at = i + 1 < t->count ? t->arrive[i + 1] : end;
        int given = larger(0, smaller(wanted, t->latest[i + 1] - next_at - pushed));
        pushed += given;
        missing += wanted - given;
    }
    return missing;
}

static int cost_of(const Day *d, int v, Tour *t, int end, int driven) {
    const Van *van = &d->van[v];
    const int *surcharge = d->surcharge + (size_t)v * d->nodes;
    int busy = driven;
    int64_t cost = driven, late = 0;
    for (int i = 0; i < t->count; i++) {
        const Node *node = &d->node[t->node[i]];
        int beyond = node->told == NEVER ? 0 : t->start[i] - node->told;
        beyond = (beyond < 0 ? -beyond : beyond) - d->price.hold;
        cost += surcharge[t->node[i]] + (beyond > 0 ? d->price.surprise + beyond : 0);
        late += larger(0, t->start[i] - node->promptly);
        if (node->kind != REST) busy += t->depart[i] - t->start[i];
    }
    backward(d, v, t);
    double most = larger(van->time, larger(busy, 1));
    t->price = 2 * d->price.balance * (busy < van->time ? (double)busy / van->time : 1.0);
    cost += (int64_t)(d->price.put_off * late) + (int64_t)(d->price.balance * busy * busy / most);
    cost += (int64_t)(d->price.talk * talk_short(d, t, end));
    return cost < NEVER ? (int)cost : NEVER;
}

/* Times and costs a sequence; 0 where it breaks something. */
static int measure(Day *d, int v, Tour *t) {
    int end = 0, driven = 0;
    int holds = lay_down(d, v, t) && forward(d, v, t, &end, &driven) && loads(d, v, t) &&
                shorten(d, v, t, &end, &driven) && in_time(d, v, t) && rested(d, v, t, end) && charge_left(d, v, t);
    for (int i = 0; i < t->count; i++) d->at[t->node[i]] = NONE;
    if (holds) t->cost = cost_of(d, v, t, end, driven);
    return holds;
}

/* ------------------------------------------------------------------ tours */

static void copy_tour(Tour *to, const Tour *from) {
    int **a[] = {&to->node, &to->place, &to->arrive, &to->start, &to->depart, &to->latest, &to->followers};
    int *const *b[] = {&from->node, &from->place, &from->arrive, &from->start, &from->depart, &from->latest,
                       &from->followers};
    for (int k = 0; k < TOUR_COLUMNS; k++) memcpy(*a[k], *b[k], sizeof(int) * (from->count + 1));
    to->count = from->count;
    to->cost = from->cost;
    to->price = from->price;
}

/* The trial becomes the van's tour: columns change hands. */
static void adopt(Day *d, int v) {
    Tour t = d->tour[v];
    d->tour[v] = d->trial;
    d->trial = t;
}

static void try_with(Day *d, int v, int position, const int *added, int count) {
    const Tour *t = &d->tour[v];
    int *node = d->trial.node;
    memcpy(node, t->node, sizeof(int) * position);
    memcpy(node + position, added, sizeof(int) * count);
    memcpy(node + position + count, t->node + position, sizeof(int) * (t->count - position));
    d->trial.count = t->count + count;
}

static void take_out(Day *d, int v, int position) {
    Tour *t = &d->tour[v];
    d->van_of[t->node[position]] = NONE;
    memmove(t->node + position, t->node + position + 1, sizeof(int) * (t->count - position - 1));
    t->count--;
}

static int position_of(const Day *d, int n) {
    const Tour *t = &d->tour[d->van_of[n]];
    int i = 0;
    while (t->node[i] != n) i++;
    return i;
}

/* ------------------------------------------------------------------ recreate */

typedef struct { int guess, van, position, loading; } Place; /* loading: the node of one that comes first, or NONE */

enum { MOST_PLACES = 1024 };         /* that are guessed for one task */
enum { WORTH_A_TRIP = 600 };         /* whoever costs more than this may be worth going to the hub for */

/* What it costs, as far as a few sums tell, that a van goes by `way` seconds longer before visit p for this node. */
static int guess(const Day *d, int v, int p, int n, int way, int stay, int start, int delay) {
    const Tour *t = &d->tour[v];
    int own = larger(0, start - d->node[n].promptly);
    double put_off = d->price.put_off * (own + (double)larger(0, delay) * t->followers[p]);
    return way + d->surcharge[(size_t)v * d->nodes + n] + (int)(t->price * (way + stay) + put_off);
}

static int starts_at(const Day *d, const Node *node, int time) {
    return in_window(d, node, 0, &time) ? time : NEVER;
}

/* Where the van drives to from position p on: a rest without a place is no way. */
static int next_place(const Day *d, int v, int p) {
    const Tour *t = &d->tour[v];
    while (p < t->count && d->node[t->node[p]].place < 0) p++;
    return p < t->count ? t->place[p] : d->van[v].home;
}

static int places_in(const Day *d, int v, int n, Place *out, int count) {
    const Van *van = &d->van[v];
    const Tour *t = &d->tour[v];
    const Node *node = &d->node[n];
    int flags = d->to_van[(size_t)v * d->nodes + n], loaded = !(flags & LOADABLE);
    if (!(flags & ALLOWED)) return count;
    for (int p = 0; p <= t->count && count < MOST_PLACES; p++) {
        if (p > 0 && d->node[t->node[p - 1]].kind == RELOAD) loaded = 1;
        if (p < van->frozen || !loaded) continue;
        int from = p ? t->place[p - 1] : van->place, leave = p ? t->depart[p - 1] : van->ready;
        int to = next_place(d, v, p), there = drive(d, from, node->place), on = drive(d, node->place, to);
        if (there < 0 || on < 0) continue;
        int start = starts_at(d, node, leave + there);
        if (start > node->held_to) continue;
        int floats = p < t->count && d->node[t->node[p]].place < 0;
        int next = start + node->service + (floats ? 0 : on), straight = drive(d, from, to);
        if (next > t->latest[p]) continue;
        int arrive = p < t->count ? t->arrive[p] : (t->count ? t->depart[t->count - 1] : van->ready) + straight;
        int way = there + on - straight;
        out[count++] = (Place){guess(d, v, p, n, way, node->service, start, next - arrive), v, p, NONE};
    }
    return count;
}

/* The same with a loading first. */
static int places_loaded(const Day *d, int v, int n, Place *out, int count) {
    const Van *van = &d->van[v];
    const Tour *t = &d->tour[v];
    const Node *node = &d->node[n];
    const int *to_van = d->to_van + (size_t)v * d->nodes;
    if (!(to_van[n] & ALLOWED) || !(to_van[n] & LOADABLE)) return count;
    for (int r = 0; r < d->nodes; r++) {
        if (d->node[r].kind != RELOAD || !(to_van[r] & ALLOWED)) continue;
        const Node *depot = &d->node[r];
        for (int p = van->frozen; p <= t->count && count < MOST_PLACES; p++) {
            int from = p ? t->place[p - 1] : van->place, leave = p ? t->depart[p - 1] : van->ready;
            int to = next_place(d, v, p), home = drive(d, from, depot->place);
            int there = drive(d, depot->place, node->place), on = drive(d, node->place, to);
            if (home < 0 || there < 0 || on < 0) continue;
            int ready = larger(larger(leave + home, node->release), d->windows[2 * depot->window]) + depot->service;
            int start = starts_at(d, node, ready + there);
            if (start > node->held_to) continue;
            int next = start + node->service + on, straight = drive(d, from, to);
            if (next > t->latest[p]) continue;
            int arrive = p < t->count ? t->arrive[p] : leave + straight, way = home + there + on - straight;
            int stay = node->service + depot->service;
            out[count++] = (Place){guess(d, v, p, n, way, stay, start, next - arrive), v, p, r};
        }
    }
    return count;
}

/* Puts a node where it costs least among the best guesses, or nowhere. */
static void put_back(Day *d, int n) {
    Place place[MOST_PLACES], best = {.van = NONE};
    int count = 0, least = d->node[n].value, first = below(d, d->vans);
    for (int k = 0; k < d->vans; k++) count = places_in(d, (first + k) % d->vans, n, place, count);
    for (int round = 0; round < 2; round++) {
        for (int timed = 0; timed < MOST_TIMED && count; timed++) {
            int k = 0;
            for (int i = 1; i < count; i++)
                if (place[i].guess < place[k].guess) k = i;
            Place one = place[k];
            place[k] = place[--count];
            if (one.guess >= least) break;
            if (below(d, 100) == 0) continue; /* now and then a good place is overlooked */
            int both[] = {one.loading, n}, loads = one.loading >= 0;
            try_with(d, one.van, one.position, both + !loads, 1 + loads);
            if (!measure(d, one.van, &d->trial)) continue;
            int more = d->trial.cost - d->tour[one.van].cost;
            if (more < least) {
                least = more;
                best = one;
            }
        }
        if (round || (best.van >= 0 && least <= WORTH_A_TRIP)) break;
        count = 0;
        for (int k = 0; k < d->vans; k++) count = places_loaded(d, (first + k) % d->vans, n, place, count);
    }
    if (best.van < 0) return;
    int both[] = {best.loading, n}, loads = best.loading >= 0;
    try_with(d, best.van, best.position, both + !loads, 1 + loads);
    measure(d, best.van, &d->trial);
    adopt(d, best.van);
    d->van_of[n] = best.van;
}

/* ------------------------------------------------------------------ ruin */

/* A loading or a rest, which is nobody's but this van's, at its best position. 0 where there is none. */
static int put_best(Day *d, int v, int n) {
    int best = NONE, least = NEVER;
    for (int p = d->van[v].frozen; p <= d->tour[v].count; p++) {
        try_with(d, v, p, &n, 1);
        if (!measure(d, v, &d->trial) || d->trial.cost >= least) continue;
        least = d->trial.cost;
        best = p;
    }
    if (best < 0) return 0;
    try_with(d, v, best, &n, 1);
    measure(d, v, &d->trial);
    adopt(d, v);
    return 1;
}

/* Loadings that load nothing any more go. */
static void drop_idle_loadings(Day *d, int v) {
    Tour *t = &d->tour[v];
    const int *to_van = d->to_van + (size_t)v * d->nodes;
    int needed = 0;
    for (int i = t->count - 1; i >= d->van[v].frozen; i--) {
        int n = t->node[i], kind = d->node[n].kind;
        if (serves(kind)) {
            needed |= to_van[n] & LOADABLE;
        } else if (kind == RELOAD) {
            if (!needed) take_out(d, v, i);
            needed = 0;
        }
    }
}

static int retime(Day *d, int v) {
    memcpy(d->trial.node, d->tour[v].node, sizeof(int) * d->tour[v].count);
    d->trial.count = d->tour[v].count;
    if (!measure(d, v, &d->trial)) return 0;
    adopt(d, v);
    return 1;
}

/* Takes out tasks near one of them, or what one van does one after the other; says how many. */
static int ruin(Day *d, int *out, double removed) {
    int seed = d->movable[below(d, d->movable_count)], wanted = 1 + below(d, (int)(2 * removed)), count = 0;
    if (wanted > MOST_OUT) wanted = MOST_OUT;
    if (d->van_of[seed] >= 0 && below(d, 4) == 0) {
        int v = d->van_of[seed], p = position_of(d, seed);
        while (p < d->tour[v].count && count < wanted) {
            int n = d->tour[v].node[p];
            if (d->node[n].movable) {
                out[count++] = n;
                take_out(d, v, p);
            } else {
                p++;
            }
        }
        return count;
    }
    const int *near = d->near + (size_t)seed * d->nodes;
    for (int k = 0; k < d->near_count[seed] && count < wanted; k++) {
        int n = near[k];
        if (k && below(d, 3) == 0) continue;
        if (d->van_of[n] >= 0) take_out(d, d->van_of[n], position_of(d, n));
        out[count++] = n;
    }
    return count;
}

/* ------------------------------------------------------------------ a try */

static int64_t cost_of_all(const Day *d) {
    int64_t cost = 0;
    for (int v = 0; v < d->vans; v++) cost += d->tour[v].cost;
    for (int k = 0; k < d->movable_count; k++)
        if (d->van_of[d->movable[k]] < 0) cost += d->node[d->movable[k]].value;
    return cost;
}

static void shuffle(Day *d, int *list, int count) {
    for (int i = count - 1; i > 0; i--) {
        int k = below(d, i + 1), n = list[i];
        list[i] = list[k];
        list[k] = n;
    }
}

/* Now and then a loading or a rest of a van that was touched moves, too. */
static int nudge(Day *d, int v) {
    Tour *t = &d->tour[v];
    int chosen = NONE, count = 0;
    for (int i = d->van[v].frozen; i < t->count; i++) {
        int kind = d->node[t->node[i]].kind;
        if ((kind == RELOAD || kind == REST) && below(d, ++count) == 0) chosen = i;
    }
    if (chosen < 0) return retime(d, v);
    int n = t->node[chosen];
    take_out(d, v, chosen);
    return put_best(d, v, n);
}

static int rebuild(Day *d, double removed) {
    int out[MOST_OUT], count = ruin(d, out, removed);
    for (int v = 0; v < d->vans; v++) {
        if (d->tour[v].count == d->saved[v].count) continue;
        drop_idle_loadings(d, v);
        if (!(below(d, 8) ? retime(d, v) : nudge(d, v))) return 0;
    }
    shuffle(d, out, count);
    for (int i = 0; i < count; i++) put_back(d, out[i]);
    return 1;
}

static void keep_best(Day *d, int64_t cost) {
    d->best_cost = cost;
    for (int v = 0; v < d->vans; v++) copy_tour(&d->best[v], &d->tour[v]);
}

static void undo(Day *d) {
    for (int n = 0; n < d->nodes; n++) d->van_of[n] = NONE;
    for (int v = 0; v < d->vans; v++) {
        Tour t = d->tour[v];
        d->tour[v] = d->saved[v];
        d->saved[v] = t;
        for (int i = 0; i < d->tour[v].count; i++) d->van_of[d->tour[v].node[i]] = v;
    }
}

static void try_once(Day *d, double removed, int slack) {
    int64_t before = cost_of_all(d);
    for (int v = 0; v < d->vans; v++) copy_tour(&d->saved[v], &d->tour[v]);
    int holds = rebuild(d, removed);
    int64_t cost = cost_of_all(d);
    if (!holds || (cost > before && cost > d->best_cost + slack)) undo(d);
    else if (cost < d->best_cost) keep_best(d, cost);
}

/* ------------------------------------------------------------------ the door */

/* The next `count` things of `size` bytes in a block, on a multiple of 8; from a block that is NULL only counted. */
static void *part(char *block, size_t *used, size_t count, size_t size) {
    size_t at = *used;
    *used += (count * size + 7) & ~(size_t)7;
    return block ? block + at : NULL;
}

static void lay_out_tour(const Day *d, char *block, size_t *used, Tour *t) {
    Tour one;
    int **columns[] = {&one.node, &one.place, &one.arrive, &one.start, &one.depart, &one.latest, &one.followers};
    for (int k = 0; k < TOUR_COLUMNS; k++) *columns[k] = part(block, used, d->width, sizeof(int));
    one.count = one.cost = 0;
    one.price = 0.0;
    if (block) *t = one;
}

/* All that a search needs lies in one block; without a block it says how large that must be. */
static size_t lay_out(Day *d, char *block, int windows, int on_board) {
    size_t used = 0, nodes = d->nodes, vans = d->vans, cells = (size_t)d->places * d->places;
    d->node = part(block, &used, nodes, sizeof(Node));
    d->van = part(block, &used, vans, sizeof(Van));
    d->windows = part(block, &used, 2 * (size_t)windows, sizeof(int));
    d->to_van = part(block, &used, vans * nodes, sizeof(int));
    d->surcharge = part(block, &used, vans * nodes, sizeof(int));
    d->on_board = part(block, &used, on_board, sizeof(int));
    d->first_on_board = part(block, &used, vans + 1, sizeof(int));
    d->duration = part(block, &used, cells, sizeof(int));
    d->distance = part(block, &used, cells, sizeof(int));
    d->near = part(block, &used, nodes * nodes, sizeof(int));
    int **rows[] = {&d->near_count, &d->movable, &d->van_of, &d->at};
    for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) *rows[k] = part(block, &used, nodes, sizeof(int));
    int **positions[] = {&d->not_before, &d->loaded_at};
    for (size_t k = 0; k < sizeof positions / sizeof *positions; k++)
        *positions[k] = part(block, &used, d->width, sizeof(int));
    d->kg = part(block, &used, d->width, sizeof(double));
    Tour **tours[] = {&d->tour, &d->saved, &d->best};
    for (int k = 0; k < 3; k++) {
        Tour *list = *tours[k] = part(block, &used, vans, sizeof(Tour));
        for (int v = 0; v < d->vans; v++) lay_out_tour(d, block, &used, list + v);
    }
    lay_out_tour(d, block, &used, &d->trial);
    return used;
}

static int apart_s(const Day *d, int a, int b) {
    int there = drive(d, d->node[a].place, d->node[b].place), back = drive(d, d->node[b].place, d->node[a].place);
    return there < 0 || back < 0 ? NEVER : there + back;
}

/* For each movable node all of them by the way there and back, itself first; by insertion: a day has some hundred. */
static void sort_near(Day *d) {
    for (int k = 0; k < d->movable_count; k++) {
        int seed = d->movable[k], *row = d->near + (size_t)seed * d->nodes;
        row[0] = seed;
        for (int i = 0, count = 1; i < d->movable_count; i++) {
            int n = d->movable[i], way = apart_s(d, seed, n), at = count;
            if (n == seed) continue;
            for (; at > 1 && apart_s(d, seed, row[at - 1]) > way; at--) row[at] = row[at - 1];
            row[at] = n;
            count++;
        }
        d->near_count[seed] = d->movable_count;
    }
}

void day_free(Day *d) {
    if (!d) return;
    free(d->node); /* the first part of the block */
    free(d);
}

/* An empty day; NULL where there is no memory for it. `windows` are `window_count` pairs. */
Day *day_new(int nodes, int vans, int places, const Node *node, const Van *van, const Prices *price, const int *windows,
             int window_count, const int *to_van, const int *surcharge, const int *on_board, const int *first_on_board,
             const int *duration, const int *distance, uint64_t seed) {
    Day *d = calloc(1, sizeof *d);
    if (!d) return NULL;
    d->nodes = nodes;
    d->vans = vans;
    d->places = places;
    d->width = 2 * nodes + SPARE; /* a loading for each task, and some to spare */
    char *block = calloc(1, lay_out(d, NULL, window_count, first_on_board[vans]));
    if (!block) {
        free(d);
        return NULL;
    }
    lay_out(d, block, window_count, first_on_board[vans]);
    size_t cells = sizeof(int) * places * places, pairs = sizeof(int) * vans * nodes;
    memcpy(d->node, node, sizeof(Node) * nodes);
    memcpy(d->van, van, sizeof(Van) * vans);
    memcpy(d->windows, windows, 2 * sizeof(int) * window_count);
    memcpy(d->to_van, to_van, pairs);
    memcpy(d->surcharge, surcharge, pairs);
    memcpy(d->on_board, on_board, sizeof(int) * first_on_board[vans]);
    memcpy(d->first_on_board, first_on_board, sizeof(int) * (vans + 1));
    memcpy(d->duration, duration, cells);
    memcpy(d->distance, distance, cells);
    d->price = *price;
    d->best_cost = NONE;
    d->random[0] = seed * 0x9E3779B97F4A7C15ull + 0xD1B54A32D192ED03ull;
    d->random[1] = seed ^ 0x2545F4914F6CDD1Dull;
    for (int i = 0; i < 20; i++) draw(d); /* seeds that differ by little begin alike */
    for (int n = 0; n < nodes; n++) {
        d->van_of[n] = d->at[n] = NONE;
        if (d->node[n].movable) d->movable[d->movable_count++] = n;
    }
    sort_near(d);
    return d;
}

/* What a sequence costs in a van, and when its visits begin (`starts`, or NULL); NONE where it breaks something. */
int day_measure(Day *d, int v, const int *nodes, int count, int *starts) {
    memcpy(d->trial.node, nodes, sizeof(int) * count);
    d->trial.count = count;
    if (!measure(d, v, &d->trial)) return NONE;
    if (starts) memcpy(starts, d->trial.start, sizeof(int) * count);
    return d->trial.cost;
}

/* The sequence from which the search begins; NONE where it breaks something. */
int day_begin(Day *d, int v, const int *nodes, int count) {
    if (day_measure(d, v, nodes, count, NULL) < 0) return NONE;
    adopt(d, v);
    for (int i = 0; i < count; i++) d->van_of[nodes[i]] = v;
    return d->tour[v].cost;
}

/* So many tries; says what the best costs. `removed` tasks are taken out at a time on average, and a try may cost
 * `slack` seconds of driving more than the best. */
int64_t day_run(Day *d, int tries, double removed, int slack) {
    if (d->best_cost < 0) keep_best(d, cost_of_all(d));
    for (int k = 0; k < tries && d->movable_count && d->vans; k++) try_once(d, removed, slack);
    return d->best_cost;
}

/* The best sequence of a van, and its length; `out` must have room for two for each node, and SPARE. */
int day_best(const Day *d, int v, int *out) {
    memcpy(out, d->best[v].node, sizeof(int) * d->best[v].count);
    return d->best[v].count;
}
