/* Adds up what would be sent of a directory tree, with threads and without the GIL.
 *
 * Python says what patterns mean, as tables (see __init__.py); nothing here knows how an ignore file is written.
 * It asks Python where bytes do not tell which patterns match. What a builder treats in a way of its own (links, odd
 * modes, attributes, what cannot be read) it hands back by name, in the order of the walk. A thread visits a directory
 * at a time and adds to sums of its own. What depends on the order of entries is left in a tree of nodes, read in
 * order at the end. A function whose comment says no more returns 0 without memory. Linux only. */
#define Py_LIMITED_API 0x030A0000
#define PY_SSIZE_T_CLEAN
#define _GNU_SOURCE
#include <Python.h> /* and with it errno.h, stdint.h, stdlib.h, string.h */
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h> /* and sched.h, time.h */
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>
typedef uint64_t Word;
#define AGAIN(result, call) do (result) = (call); while ((result) < 0 && errno == EINTR)

/* ---- memory: what lives as long as the walk comes from blocks that are freed together ---------------- */
static long allocations_left = -1; /* for tests: that many succeed, -1 for all */
static int may_allocate(void) {
    long left = __atomic_load_n(&allocations_left, __ATOMIC_RELAXED);
    return left < 0 || __atomic_fetch_sub(&allocations_left, left > 0, __ATOMIC_RELAXED) > 0;
}
static void *zeroed(size_t size) { return may_allocate() ? calloc(1, size ? size : 1) : NULL; }
#define NEW(array, count) ((array) = zeroed((size_t)(count) * sizeof *(array)))
typedef struct Block { struct Block *next; size_t size; } Block; /* not malloc's, which keeps what is freed */
typedef struct { Block *blocks; char *at, *end; } Arena;
#define BLOCK_BYTES (256 * 1024)
static void *keep(Arena *arena, size_t size) {
    size = size ? (size + 7) & ~(size_t)7 : 8;
    if (!may_allocate()) return NULL;
    if (size > (size_t)(arena->end - arena->at)) {
        int large = size > BLOCK_BYTES / 4; /* gets a block of its own; the last one goes on */
        size_t room = sizeof(Block) + (large ? size : BLOCK_BYTES);
        Block *block = mmap(NULL, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (block == MAP_FAILED) return NULL;
        *block = (Block){arena->blocks, room};
        arena->blocks = block;
        if (large) return block + 1;
        arena->at = (char *)(block + 1), arena->end = (char *)block + room;
    }
    arena->at += size;
    return arena->at - size;
}
/* Like NEW, for an array that is large and mostly not used: its pages are untouched, as those of malloc may not be. */
#define SPREAD(arena, array, count) ((array) = keep(arena, (size_t)(count) * sizeof *(array)))
static char *keep_text(Arena *arena, const char *text) {
    char *copy = keep(arena, strlen(text) + 1);
    return copy ? strcpy(copy, text) : NULL;
}
static void release(Arena *arena) {
    for (Block *block = arena->blocks, *next; block; block = next) next = block->next, munmap(block, block->size);
    *arena = (Arena){NULL, NULL, NULL};
}
/* Makes room for so many more items of an array. */
static int grow(void *array, size_t *room, size_t used, size_t more, size_t item) {
    size_t wanted = *room ? *room : 32;
    if (used + more <= *room) return 1;
    while (wanted < used + more) wanted *= 2;
    void *larger = may_allocate() ? realloc(*(void **)array, wanted * item) : NULL;
    if (larger) *(void **)array = larger, *room = wanted;
    return larger != NULL;
}

/* ---- what Python passes ------------------------------------------------------------------------------- */
enum { END, BYTE, RUNE, STAR, CLASS };           /* tokens of a name that is looked for */
typedef struct { int32_t kind, value; } Token;   /* value: bit, byte, -, -, class */
/* With EVERYTHING also what is ignored is looked at. With NAMES Python gets the names and sizes of what is, by
 * directory, with LISTED in the order of the walk. */
enum { READS_ATTRIBUTES = 1, REFUSES = 2, NO_SOCKETS = 4, SENDS_PARENTS = 8, ANYWHERE = 16, EVERYTHING = 32, NAMES = 64,
       LISTED = 128 };
enum { UNCOUNTED, PACKETS, TAR };                /* how the builder counts what it sends */

typedef struct {
    int words, patterns, tokens, segments, columns, options, counts, top, runes; /* whether any token is RUNE */
    const Word *start, *final, *loop, *text_loop, *advance, *exceptions, *whole; /* sets of segments, a bit each */
    PyObject *judge;                    /* returns which segments match a path */
    const int32_t *after, *owner;       /* by pattern, the first bit of those behind it; by bit, its pattern */
    const unsigned char *exceptional, *classes; /* by pattern; by class, 256 flags */
    const unsigned char *column;        /* by byte: those that no token tells apart share one */
    const Token *token;
    const int32_t *first;               /* the tokens with which segments begin */
    const char *reach, *reach_end;      /* where exceptions lead, texts that end in a zero byte */
    size_t longest;                     /* the longest path that can be opened, in bytes */
    uid_t user;
} Program;

/* ---- names: an automaton that is built as they come, and built anew when it is too large ---------------
 * A state is the set of tokens that may come next. It says which segments match. */
typedef struct { int32_t *places; int count; uint32_t hash; } State;
typedef struct {
    State *state;
    int32_t *next, *table, *work;
    uint64_t *mark, round;      /* a place is in `work` if its mark is the round, which never wraps */
    Word *bits;
    Arena places;
    size_t used;
    uint32_t slots;             /* of `table`, a power of two, more than twice as many as states */
    int states, most;
} Dfa;
#define DFA_BYTES (24 << 20)
#define FIRST_SLOTS 256         /* most walks have few states, and memory that is touched takes time */

static uint32_t hash_of(const void *bytes, size_t size) {
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < size; i++) hash = (hash ^ ((const unsigned char *)bytes)[i]) * 16777619u;
    return hash;
}
static int add_place(const Program *p, Dfa *d, int count, int place) {
    for (;; place++) { /* a star lets through what is behind it */
        if (d->mark[place] == d->round) return count;
        d->mark[place] = d->round;
        int at = count++;
        for (; at && d->work[at - 1] > place; at--) d->work[at] = d->work[at - 1];
        d->work[at] = place;
        if (p->token[place].kind != STAR) return count;
    }
}
/* Returns the slot of the state that the places in `work` are, or the free one for it. */
static uint32_t slot_of(const Dfa *d, uint32_t hash, int count) {
    uint32_t at = hash & (d->slots - 1);
    for (; d->table[at] >= 0; at = (at + 1) & (d->slots - 1)) {
        const State *s = &d->state[d->table[at]];
        if (s->hash == hash && s->count == count && !memcmp(s->places, d->work, count * sizeof *d->work)) break;
    }
    return at;
}
/* Doubles the slots. */
static int widen(Dfa *d) {
    uint32_t slots = 2 * d->slots;
    int32_t *table;
    if (!NEW(table, slots)) return 0;
    memset(table, -1, slots * sizeof *table);
    for (int i = 0; i < d->states; i++) {
        uint32_t at = d->state[i].hash & (slots - 1);
        while (table[at] >= 0) at = (at + 1) & (slots - 1);
        table[at] = i;
    }
    free(d->table);
    d->table = table, d->slots = slots;
    return 1;
}
/* Returns the state that the places in `work` are, -1 if it is time to begin anew, -2 without memory. */
static int state_of(const Program *p, Dfa *d, int count) {
    size_t bytes = count * sizeof *d->work;
    uint32_t hash = hash_of(d->work, bytes), at = slot_of(d, hash, count);
    if (d->table[at] >= 0) return d->table[at];
    if (d->states == d->most || d->used > DFA_BYTES) return -1;
    if (2 * (uint32_t)d->states >= d->slots) {
        if (!widen(d)) return -2;
        at = slot_of(d, hash, count);
    }
    State *s = &d->state[d->states];
    *s = (State){keep(&d->places, bytes), count, hash};
    if (!s->places) return -2;
    memcpy(s->places, d->work, bytes);
    d->used += bytes;
    memset(d->next + (size_t)d->states * p->columns, -1, p->columns * sizeof *d->next);
    Word *bits = d->bits + (size_t)d->states * p->words;
    memset(bits, 0, p->words * sizeof *bits);
    for (int i = 0; i < count; i++) {
        Token t = p->token[s->places[i]];
        if (t.kind == END) bits[t.value >> 6] |= 1ULL << (t.value & 63);
    }
    return d->table[at] = d->states++;
}
static int dfa_begin(const Program *p, Dfa *d) {
    int count = 0;
    release(&d->places);
    d->states = d->used = 0;
    memset(d->table, -1, d->slots * sizeof *d->table);
    d->round++;
    for (int i = 0; i < p->segments; i++) count = add_place(p, d, count, p->first[i]);
    return state_of(p, d, count) == 0;
}
static int dfa_make(const Program *p, Arena *arena, Dfa *d) {
    size_t each = p->columns * sizeof *d->next + p->words * sizeof *d->bits + sizeof *d->state;
    d->slots = FIRST_SLOTS;
    d->most = DFA_BYTES / each < 16384 ? DFA_BYTES / each : 16384; /* what is not used costs nothing */
    if (!p->segments) d->most = 1; /* it is in the one state without places */
    return SPREAD(arena, d->state, d->most) && SPREAD(arena, d->next, (size_t)d->most * p->columns) &&
           SPREAD(arena, d->bits, (size_t)d->most * p->words) && NEW(d->table, d->slots) && NEW(d->mark, p->tokens + 1) &&
           NEW(d->work, p->tokens + 1) && dfa_begin(p, d);
}
static void dfa_free(Dfa *d) {
    release(&d->places);
    free(d->table), free(d->mark), free(d->work);
}
static int dfa_step(const Program *p, Dfa *d, int from, unsigned char byte) {
    const State *s = &d->state[from];
    int count = 0;
    d->round++;
    for (int i = 0; i < s->count; i++) {
        Token t = p->token[s->places[i]];
        int fits = t.kind == RUNE || (t.kind == BYTE && t.value == byte) ||
                   (t.kind == CLASS && p->classes[t.value * 256 + byte]);
        if (fits || t.kind == STAR) count = add_place(p, d, count, s->places[i] + fits);
    }
    int to = state_of(p, d, count);
    if (to >= 0) d->next[(size_t)from * p->columns + p->column[byte]] = to;
    return to;
}
/* Returns the state after a name; -2 without memory, -1 if it takes more states than there may be. */
static int read_name(const Program *p, Dfa *d, const char *name) {
    int at = 0, full = 0;
    for (const unsigned char *c = (const unsigned char *)name; *c; c++) {
        int to = d->next[(size_t)at * p->columns + p->column[*c]];
        if (to < 0) to = dfa_step(p, d, at, *c);
        if (to == -2 || (to == -1 && full++)) return to;
        if (to == -1 && !dfa_begin(p, d)) return -2;
        if (to == -1) to = 0, c = (const unsigned char *)name - 1; /* from its beginning */
        at = to;
    }
    return at;
}
/* Returns whether a name is UTF-8, in a tar ASCII: others take a longer header. */
static int is_usual(const Program *p, const char *name) {
    for (const unsigned char *c = (const unsigned char *)name; *c; c++) {
        unsigned first = *c, low = first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : 0x80;
        unsigned high = first == 0xED ? 0x9F : first == 0xF4 ? 0x8F : 0xBF;
        if ((first >= 0x80 && (first < 0xC2 || p->counts == TAR)) || first > 0xF4) return 0;
        for (int more = (first >= 0xC2) + (first >= 0xE0) + (first >= 0xF0); more--; low = 0x80, high = 0xBF)
            if (*++c < low || *c > high) return 0;
    }
    return 1;
}
/* Returns whether it matters where characters or lines of a name end. */
static int is_text(const Program *p, const char *name) {
    while (*name && *name != '\n' && !(p->runes && *name & 0x80)) name++;
    return *name != 0;
}
/* ---- verdicts: of a directory its decider, the last pattern that changed one, and what may match in it ---- */
typedef struct { int decider, last; } Fate; /* patterns, -1 for none */

static int is_ignored(const Program *p, int decider) { return decider >= 0 && !p->exceptional[decider]; }
/* Leaves of `set` what belongs to patterns behind `pattern`; returns whether anything is left. */
static int only_after(const Program *p, Word *set, int pattern) {
    int bit = pattern < 0 ? 0 : p->after[pattern];
    Word any = 0;
    for (int i = 0; i < p->words; i++)
        any |= set[i] &= i * 64 + 64 <= bit ? 0 : i * 64 < bit ? ~0ULL << (bit & 63) : ~0ULL;
    return any != 0;
}
/* Only a later pattern of the other kind changes a verdict, and only one that does counts below. */
static void decide(const Program *p, Fate *fate, Word *matched, Word *rivals) {
    if (!only_after(p, matched, fate->decider)) return;
    int at = p->words - 1;
    while (!matched[at]) at--;
    int top = p->owner[at * 64 + 63 - __builtin_clzll(matched[at])];
    if (top > fate->last) fate->last = top;
    for (int ignored = is_ignored(p, fate->decider);; ignored = !ignored) {
        int lowest = -1;
        for (int i = p->words - 1; i >= 0; i--) {
            rivals[i] = matched[i] & (ignored ? p->exceptions[i] : ~p->exceptions[i]);
            if (rivals[i]) lowest = i * 64 + __builtin_ctzll(rivals[i]);
        }
        if (lowest < 0) return;
        fate->decider = p->owner[lowest];
        only_after(p, matched, fate->decider);
    }
}

/* ---- what is found ------------------------------------------------------------------------------------ */
typedef struct Node {
    struct Node *parent, **children;
    int32_t *at;                /* by child: how many files come before it */
    int64_t *sizes, time, content_bytes, count; /* by file: its bytes, IS_ODD if it is handed back */
    char *name, *names;         /* its own; those of its files, if they are wanted, and not listed so far */
    int32_t *deciders;          /* by file, its decider, if it will be listed */
    Word *live;                 /* what may match in it, NULL for nothing; then what has its text in the path */
    struct Record **records, *record; /* what is known of some files, in order, a list for each part of them */
    uint32_t path_length, nchildren, nfiles, pending;
    uint32_t child, file, part; /* how far the walk in order has come, with `record` */
    Fate fate;
    int fd, mode;
    unsigned char ignored, sends, below, handed, odd, unusual; /* a name in its path */
} Node;
#define IS_ODD (-1)
typedef struct Record { struct Record *next; const char *name; uint32_t file; int is_large; } Record;
typedef struct { const char *name; Fate fate; unsigned char type; } Entry;
typedef struct { const char *text; size_t length; uint32_t hash; int64_t bytes, count; } Ending;
typedef struct { int64_t bytes, count; } Amount;
/* Work: a directory to be visited, or some files of a large one. */
typedef struct Job { struct Job *next; Node *node; Entry *entries; uint32_t from, to; } Job;
typedef struct Walk {
    const Program *p;
    struct Sums *sums;
    pthread_mutex_t lock;
    pthread_cond_t work, done;
    Job *jobs;
    int64_t seen, bytes;
    int active, threads, running, stop, failed;
} Walk;
/* What one thread added up, and what it works with. */
typedef struct Sums {
    Walk *walk;
    Arena arena;
    Dfa segments;
    Ending *endings;            /* a hash table */
    Amount *by_pattern;
    Entry *entries;
    char *buffer;
    size_t ending_count, room, entry_room;
    int64_t *largest;           /* the sizes of the largest files, ascending; then those of a directory */
    int64_t ignored_files, ignored_folders, unopened, announced, content, bytes; /* those of all its files */
    Word *matched, *rivals, *bits, *near; /* segments that match a name; on whole paths, those that may */
    PyThreadState *python;      /* this thread's in Python, once it asked; it costs more than a question */
    PyGILState_STATE gil;
    int own_directory;          /* whether the working directory is this thread's: 0 unknown, -1 no */
} Sums;
#define CHUNK 2048 /* files of a large directory that a thread looks at at once */
#define ENDINGS 8192

/* Sizes that overflow no sum. A larger file is handed back, and so is what would make the bytes of a thread more
 * than its share: all threads together stay far below 2^63, with what announces and surrounds the content. */
#define LARGE_FILE (1LL << 40)
#define MOST_THREADS 8
static int64_t most_bytes = 1LL << 59; /* that a thread adds up; tests set less */

static inline int64_t number(uint64_t v) { return v ? 1 + (70 - __builtin_clzll(v)) / 7 : 0; } /* of protobuf */
static inline int64_t field(int64_t n) { return n ? number(n) + n : 0; }
static inline int64_t content_of(int64_t n) { return (n >> 15) * field(32768) + field(n & 32767); }
static inline int64_t packets_of(int64_t n) { return (n + 65535) >> 15; }
static inline int64_t time_of(const struct timespec *t) { return (uint64_t)t->tv_sec * 1000000000 + t->tv_nsec; }
#define GO_DIRECTORY (1u << 31)
#define NO_CONTENT (-65535) /* the size of an entry without packets, as in wire.py */

/* Returns whether a tar header of 512 bytes is enough. */
static int fits_ustar(size_t path, const struct stat *st) {
    return path <= 100 && st->st_mtim.tv_sec >= 0 && st->st_mtim.tv_sec <= 077777777777LL &&
           (S_ISDIR(st->st_mode) || st->st_size < 8LL << 30);
}
static size_t length_in(const Node *n, size_t name) { return (n->parent ? n->path_length + 1 : 0) + name; }
/* Writes the path of an entry into `path`, which has room for it. */
static void write_path(const Node *n, const char *name, char *path) {
    char *end = path + length_in(n, 0);
    strcpy(end, name);
    for (const Node *each = n; each->parent; each = each->parent) {
        size_t bytes = strlen(each->name);
        *--end = '/';
        memcpy(end -= bytes, each->name, bytes);
    }
}
static int compare_texts(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }
/* Returns whether the ignored directory at `path` is looked into for what exceptions let in. */
static int is_entered(const Program *p, const char *path, size_t length) {
    for (const char *each = p->reach; each < p->reach_end; each += strlen(each) + 1)
        if (!strncmp(each, path, length) && (!each[length] || each[length] == '/')) return 1;
    return (p->options & ANYWHERE) != 0;
}
/* Adds a record at the end of a list. */
static int note(Sums *s, Record ***end, uint32_t file, const char *name, int is_large) {
    Record *r = **end = keep(&s->arena, sizeof *r);
    if (r) *r = (Record){NULL, keep_text(&s->arena, name), file, is_large}, *end = &r->next;
    return r && r->name;
}
/* Counts a file under its extension. Returns 0 if there are too many to do so. */
static int add_ending(Sums *s, const char *name, size_t length, int64_t size) {
    const char *dot = memrchr(name, '.', length), *first = name;
    while (*first == '.') first++;
    const char *text = dot && first < dot ? dot : name + length; /* `.env` has none */
    size_t bytes = name + length - text;
    uint32_t hash = hash_of(text, bytes);
    Ending *e = &s->endings[hash & (ENDINGS - 1)];
    while (e->text && (e->hash != hash || e->length != bytes || memcmp(e->text, text, bytes)))
        e = e + 1 < s->endings + ENDINGS ? e + 1 : s->endings;
    if (!e->text) {
        char *copy = s->ending_count++ * 2 < ENDINGS ? keep_text(&s->arena, text) : NULL;
        if (!copy) return 0;
        *e = (Ending){copy, bytes, hash, 0, 0};
    }
    e->bytes += size, e->count++;
    return 1;
}
/* Adds a size to the largest ones, which ascend. */
static void rise(int64_t *largest, int top, int64_t size) {
    int i = 0;
    for (; i + 1 < top && largest[i + 1] < size; i++) largest[i] = largest[i + 1];
    largest[i] = size;
}
/* Returns whether a file may be one of the largest: of equal ones the first, but other threads' are not known. */
static int is_large(const Program *p, int64_t *all, int64_t *here, int64_t size) {
    if (!p->top || size < all[0] || size <= here[0]) return 0;
    if (size > all[0]) rise(all, p->top, size);
    rise(here, p->top, size);
    return 1;
}
/* Returns whether `name` may have attributes. They are found by path: from a working directory of the thread's. */
static int has_attributes(Sums *s, int fd, int *is_here, const char *name) {
    char path[64 + NAME_MAX];
    ssize_t found;
    if (!s->own_directory) s->own_directory = unshare(CLONE_FS) ? -1 : 1;
    if (s->own_directory > 0 && !*is_here) *is_here = fchdir(fd) ? -1 : 1;
    int is_near = s->own_directory > 0 && *is_here > 0;
    if (!is_near) snprintf(path, sizeof path, "/proc/self/fd/%d/%s", fd, name);
    AGAIN(found, llistxattr(is_near ? name : path, NULL, 0));
    return found > 0 || (found < 0 && errno != ENOTSUP);
}

/* ---- one directory ------------------------------------------------------------------------------------ */
/* Returns whether the sender refuses to open what has this fate, so that it arrives empty. */
static int is_refused(const Program *p, Fate fate) {
    return p->options & REFUSES && fate.last >= 0 && !p->exceptional[fate.last];
}
/* Returns the bytes that announce a file; -1 unless it is of the usual kind, of one name, and surely readable. */
static int64_t look_at(Sums *s, const Node *n, const Entry *e, size_t length, int *is_here, struct stat *st) {
    const Program *p = s->walk->p;
    int result, ignored = is_ignored(p, e->fate.decider); /* nothing of it is sent */
    if (!ignored && (is_refused(p, e->fate) || n->unusual || !is_usual(p, e->name))) return -1;
    AGAIN(result, fstatat(n->fd, e->name, st, AT_SYMLINK_NOFOLLOW));
    if (result || (st->st_mode & 0177000) != S_IFREG || st->st_nlink != 1) return -1;
    if ((uint64_t)st->st_size >= LARGE_FILE || s->bytes + st->st_size > most_bytes) return -1;
    if ((st->st_mode & 0444) != 0444 && !(st->st_mode & 0400 && st->st_uid == p->user)) return -1;
    if (ignored) return 0;
    if (p->options & READS_ATTRIBUTES && has_attributes(s, n->fd, is_here, e->name)) return -1;
    size_t path = length_in(n, length);
    if (p->counts == PACKETS)
        return field(field(path) + number(st->st_mode & 0777) + number(st->st_size) + number(time_of(&st->st_mtim)));
    if (p->counts == TAR && !fits_ustar(path, st)) return -1;
    return p->counts == TAR ? 512 + ((st->st_size + 511) & ~511LL) : 0;
}
/* Adds the files `from` to `to` of a directory. */
static int add_files(Sums *s, Node *n, Entry *entries, uint32_t from, uint32_t to) {
    const Program *p = s->walk->p;
    int is_here = 0;
    int64_t *here = s->largest + p->top, content_bytes = 0, count = 0;
    Record **last = &n->records[from / CHUNK];
    memset(here, 0, p->top * sizeof *here);
    for (Entry *e = entries + from; e < entries + to; e++) {
        uint32_t i = e - entries;
        size_t length = strlen(e->name);
        struct stat st;
        if (!(i & 255) && __atomic_load_n(&s->walk->stop, __ATOMIC_RELAXED)) return 1;
        int64_t head = look_at(s, n, e, length, &is_here, &st);
        int counts = head >= 0 && (p->options & (EVERYTHING | LISTED) || add_ending(s, e->name, length, st.st_size));
        if (!counts) {
            n->sizes[i] = IS_ODD;
            if (!note(s, &last, i, e->name, 0)) return 0;
            continue;
        }
        int64_t size = n->sizes[i] = st.st_size;
        if (is_large(p, s->largest, here, size) && !note(s, &last, i, e->name, 1)) return 0;
        Amount *amount = &s->by_pattern[e->fate.decider + 1];
        amount->bytes += size, amount->count++;
        s->announced += head, s->content += p->counts == PACKETS ? content_of(size) : 0;
        s->bytes += size, content_bytes += size, count++;
    }
    __atomic_fetch_add(&n->content_bytes, content_bytes, __ATOMIC_RELAXED);
    __atomic_fetch_add(&n->count, count, __ATOMIC_RELAXED);
    __atomic_fetch_add(&s->walk->seen, count, __ATOMIC_RELAXED);
    __atomic_fetch_add(&s->walk->bytes, content_bytes, __ATOMIC_RELAXED);
    return 1;
}
/* Reads the names of a directory, in byte order. Returns their number, -1 on failure, -2 without memory. */
static long read_names(Sums *s, int fd, size_t *directories) {
    size_t used = 0, count = 0;
    for (long got = 1; got; used += got) {
        if (!grow(&s->buffer, &s->room, used, 32768, 1)) return -2;
        AGAIN(got, syscall(SYS_getdents64, fd, s->buffer + used, s->room - used));
        if (got < 0) return -1;
    }
    for (size_t at = 0; at < used;) {
        struct dirent64 *d = (struct dirent64 *)(s->buffer + at);
        struct stat st;
        at += d->d_reclen;
        if (!strcmp(d->d_name, ".") || !strcmp(d->d_name, "..")) continue;
        if (strlen(d->d_name) > NAME_MAX) return -1; /* some file systems have such; paths have no room for it */
        if (count == INT32_MAX) return -1; /* places of files have 32 bits */
        if (!grow(&s->entries, &s->entry_room, count, 1, sizeof *s->entries)) return -2;
        if (d->d_type == DT_UNKNOWN && !fstatat(fd, d->d_name, &st, AT_SYMLINK_NOFOLLOW)) d->d_type = IFTODT(st.st_mode);
        s->entries[count++] = (Entry){.name = d->d_name, .type = d->d_type};
        *directories += d->d_type == DT_DIR;
    }
    if (count) qsort(s->entries, count, sizeof *s->entries, compare_texts); /* the name comes first in it */
    return count;
}
/* Sets what may match below `child`, whose name was read. Returns whether exceptions may, -1 without memory. */
static int follow(const Sums *s, const Node *n, Node *child) {
    const Program *p = s->walk->p;
    const Word *loop = strchr(child->name, '\n') ? p->text_loop : p->loop;
    Word carry = 0, hopeful = 0;
    if (!NEW(child->live, 2 * p->words)) return -1;
    for (int i = 0; i < p->words; i++) {
        Word hits = n->live[i] & s->bits[i] & p->advance[i];
        child->live[i] = (hits << 1 | carry) | (n->live[i] & loop[i]);
        child->live[p->words + i] = s->near[i];
        carry = hits >> 63;
    }
    int any = only_after(p, child->live, child->fate.decider);
    for (int i = 0; i < p->words; i++) hopeful |= child->live[i] & p->exceptions[i];
    if (!any) free(child->live), child->live = NULL;
    return hopeful != 0;
}
/* Adds which segments match a path, as Python says: those of `near`, for a `text` all. Prints why it fails. */
static int ask(Sums *s, const char *path, int text) {
    Py_ssize_t size = s->walk->p->words * sizeof(Word);
    if (s->python) PyEval_RestoreThread(s->python);
    else s->gil = PyGILState_Ensure();
    PyObject *judge = s->walk->p->judge;
    PyObject *said = PyObject_CallFunction(judge, "yy#i", path, (const char *)s->near, size, text);
    int fine = said && PyBytes_Size(said) == size;
    if (fine) memcpy(s->matched, PyBytes_AsString(said), size);
    else PyErr_WriteUnraisable(judge);
    Py_XDECREF(said);
    s->python = PyEval_SaveThread();
    for (int i = 0; i < s->walk->p->words; i++) s->bits[i] |= s->matched[i];
    return fine;
}
/* Sets which segments match a name, and gives it its fate. */
static int give_fate(Sums *s, const Node *n, Entry *e, char *path) {
    const Program *p = s->walk->p;
    int state = read_name(p, &s->segments, e->name), text = state == -1 || is_text(p, e->name);
    const Word *found = state < 0 ? p->whole : s->segments.bits + (size_t)state * p->words;
    Word whole = 0, lets_in = 0, any = 0;
    for (int i = 0; i < p->words; i++) {
        s->near[i] = (found[i] | n->live[p->words + i]) & n->live[i] & p->whole[i];
        s->bits[i] = text ? 0 : found[i] & ~p->whole[i];
        whole |= s->near[i], lets_in |= (s->near[i] | (found[i] & n->live[i] & p->final[i])) & p->exceptions[i];
    }
    int asks = text || (whole && (e->type == DT_DIR || lets_in || !n->ignored));
    if (asks) write_path(n, e->name, path);
    if (state == -2 || (asks && !ask(s, path, text))) return 0;
    for (int i = 0; i < p->words; i++) any |= s->matched[i] = n->live[i] & s->bits[i] & p->final[i];
    if (any) decide(p, &e->fate, s->matched, s->rivals);
    return 1;
}
/* Makes the directory `e` of `n`, whose path `path` has room for. Returns whether nothing in it can be sent, -1 without
 * memory. */
static int arrive(Sums *s, const Node *n, const Entry *e, char *path, Node *child) {
    const Program *p = s->walk->p;
    int hopeful = 0;
    *child = (Node){.parent = (Node *)n, .name = (char *)e->name, .fd = -1, .fate = e->fate,
                    .path_length = length_in(n, strlen(e->name)), .ignored = is_ignored(p, e->fate.decider)};
    write_path(n, e->name, path);
    if (n->live && (hopeful = follow(s, n, child)) < 0) return -1;
    if (!child->ignored || (hopeful && is_entered(p, path, child->path_length))) return 0;
    free(child->live), child->live = NULL;
    return 1;
}
/* Adds the directory `e` to the children of `n`, unless nothing in it can be sent or is wanted. `path` is as above. */
static int add_directory(Sums *s, Node *n, Entry *e, char *path) {
    const Program *p = s->walk->p;
    Node *child = keep(&s->arena, sizeof *child);
    int passed_by = child ? arrive(s, n, e, path, child) : -1;
    if (passed_by < 0) return 0;
    s->ignored_folders += passed_by, s->unopened += passed_by;
    if (passed_by && !(p->options & EVERYTHING)) return 1;
    child->name = keep_text(&s->arena, e->name);
    n->at[n->nchildren] = n->nfiles;
    n->children[n->nchildren++] = child;
    return child->name != NULL;
}
/* Returns whether any pattern may end in this directory. */
static int may_match(const Program *p, const Node *n) {
    Word any = 0;
    for (int i = 0; n->live && i < p->words; i++) any |= n->live[i] & p->final[i];
    return any != 0;
}
/* Gives each entry its fate: directories become children, files that are looked at come first among the entries. */
static int judge(Sums *s, Node *n, long count, char *path) {
    const Program *p = s->walk->p;
    int files = may_match(p, n);
    for (long i = 0; i < count && !__atomic_load_n(&s->walk->stop, __ATOMIC_RELAXED); i++) {
        Entry e = s->entries[i];
        e.fate = n->fate;
        if (n->live && (files || e.type == DT_DIR) && !give_fate(s, n, &e, path)) return 0;
        if (e.type == DT_DIR && !add_directory(s, n, &e, path)) return 0;
        if (e.type == DT_DIR) continue;
        struct stat st; /* a socket is passed by, unless the builder cannot even see what it is */
        int passed_by = e.type == DT_SOCK && p->options & NO_SOCKETS &&
                        !fstatat(n->fd, e.name, &st, AT_SYMLINK_NOFOLLOW);
        int ignored = is_ignored(p, e.fate.decider);
        s->ignored_files += ignored, n->sends |= !ignored && !passed_by;
        if (ignored ? p->options & EVERYTHING : !passed_by) s->entries[n->nfiles++] = e;
    }
    return 1;
}
static int add_job(Sums *s, Job **jobs, Node *n, Entry *entries, uint32_t from, uint32_t to) {
    Job *job = keep(&s->arena, sizeof *job);
    if (job) *job = (Job){*jobs, n, entries, from, to}, *jobs = job;
    return job != NULL;
}
/* Keeps the names of the files of a directory, which Python gets in the end, and what decides about those listed. */
static int keep_names(Sums *s, Node *n) {
    size_t used = 0;
    int is_listed = s->walk->p->options & LISTED;
    if (is_listed && !(n->deciders = keep(&s->arena, n->nfiles * sizeof *n->deciders))) return 0;
    for (uint32_t i = 0; is_listed && i < n->nfiles; i++) n->deciders[i] = s->entries[i].fate.decider;
    for (uint32_t i = 0; i < n->nfiles; i++) used += strlen(s->entries[i].name) + 1;
    char *at = n->names = keep(&s->arena, used);
    for (uint32_t i = 0; at && i < n->nfiles; i++) at = stpcpy(at, s->entries[i].name) + 1;
    return at != NULL;
}
/* Looks at the files of a directory, or leaves them in parts to all threads. */
static int share_files(Sums *s, Node *n, Job **jobs) {
    uint32_t files = n->nfiles;
    n->sizes = keep(&s->arena, files * sizeof *n->sizes);
    n->records = keep(&s->arena, (files / CHUNK + 1) * sizeof *n->records);
    if (!n->sizes || !n->records || (s->walk->p->options & (NAMES | LISTED) && !keep_names(s, n))) return 0;
    if (s->walk->threads < 2 || files < 2 * CHUNK) return add_files(s, n, s->entries, 0, files);
    Entry *entries = keep(&s->arena, files * sizeof *entries);
    if (entries) memcpy(entries, s->entries, files * sizeof *entries);
    for (uint32_t i = 0; entries && i < files; i++)
        if (!(entries[i].name = keep_text(&s->arena, entries[i].name))) return 0;
    for (uint32_t from = 0; entries && from < files; from += CHUNK)
        if (!add_job(s, jobs, n, entries, from, files - from < CHUNK ? files : from + CHUNK)) return 0;
    return entries != NULL;
}
/* Visits a directory: what is in it is counted or becomes jobs. One that cannot be read is handed back. */
static int visit(Sums *s, Node *n, Job **jobs) {
    const Program *p = s->walk->p;
    struct stat st;
    int is_here = 0;
    if (n->parent) AGAIN(n->fd, openat(n->parent->fd, n->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    n->handed = n->fd < 0 || fstat(n->fd, &st) || n->path_length + 1 + NAME_MAX > p->longest;
    if (n->handed) return 1;
    if (n->parent && !n->ignored) __atomic_fetch_add(&s->walk->seen, 1, __ATOMIC_RELAXED);
    n->mode = st.st_mode & 0777, n->time = time_of(&st.st_mtim);
    n->unusual = (n->parent && n->parent->unusual) || !is_usual(p, n->name);
    n->odd = n->unusual || (p->counts == TAR && !fits_ustar(n->path_length + 1, &st)) ||
             (p->options & READS_ATTRIBUTES && has_attributes(s, n->fd, &is_here, "."));
    size_t directories = 0;
    long count = read_names(s, n->fd, &directories);
    if (count < 0) return n->handed = 1, count == -1;
    n->children = keep(&s->arena, directories * sizeof *n->children);
    n->at = keep(&s->arena, directories * sizeof *n->at);
    char *path = zeroed(n->path_length + NAME_MAX + 3);
    int fine = n->children && n->at && path && judge(s, n, count, path) && (!n->nfiles || share_files(s, n, jobs));
    free(path);
    for (uint32_t i = n->nchildren; fine && i--;) fine = add_job(s, jobs, n->children[i], NULL, 0, 0);
    return fine;
}

/* ---- threads ------------------------------------------------------------------------------------------ */
static void one_less(Node *n) { if (n && !--n->pending && n->parent) close(n->fd), n->fd = -1; }
/* Makes what a visit found known to all: work, and which ignored directories hold something that is sent. */
static void publish(Walk *w, Node *n, Job *jobs) {
    int sends = n->sends;
    n->pending = 1;
    for (Job *job = jobs, *next; job; job = next, n->pending++) next = job->next, job->next = w->jobs, w->jobs = job;
    for (uint32_t i = 0; i < n->nchildren; i++) sends |= !n->children[i]->ignored;
    for (Node *up = n; sends && up && up->ignored && !up->below; up = up->parent) up->below = 1;
    if (n->pending > 2) pthread_cond_broadcast(&w->work); /* one is for this thread */
    if (n->fd >= 0) one_less(n);
    one_less(n->parent);
}
static void *serve(void *argument) {
    Sums *s = argument;
    Walk *w = s->walk;
    pthread_mutex_lock(&w->lock);
    for (;;) {
        while (!w->stop && !w->jobs && w->active) pthread_cond_wait(&w->work, &w->lock);
        Job *job = w->jobs, *jobs = NULL;
        if (w->stop || !job) break;
        w->jobs = job->next;
        w->active++;
        pthread_mutex_unlock(&w->lock);
        Node *n = job->node;
        int fine = job->entries ? add_files(s, n, job->entries, job->from, job->to) : visit(s, n, &jobs);
        if (!job->entries) free(n->live), n->live = NULL;
        pthread_mutex_lock(&w->lock);
        w->active--;
        if (job->entries) one_less(n);
        else if (fine) publish(w, n, jobs);
        if (!fine) w->failed = 1, __atomic_store_n(&w->stop, 1, __ATOMIC_RELAXED);
        if (w->stop || (!w->jobs && !w->active)) pthread_cond_broadcast(&w->work);
    }
    w->running--;
    pthread_cond_signal(&w->done);
    pthread_mutex_unlock(&w->lock);
    if (s->python) PyEval_RestoreThread(s->python), PyGILState_Release(s->gil);
    return NULL;
}
/* Waits for all threads, and asks Python now and then whether to go on. Returns 0 with an exception. */
static int wait_for(Walk *w, PyObject *poll) {
    for (int fine = 1, running = 1;;) {
        Py_BEGIN_ALLOW_THREADS
        struct timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_sec += (until.tv_nsec += 100000000) / 1000000000;
        until.tv_nsec %= 1000000000;
        pthread_mutex_lock(&w->lock);
        if (!fine) __atomic_store_n(&w->stop, 1, __ATOMIC_RELAXED), pthread_cond_broadcast(&w->work);
        for (int late = 0; w->running && !late;) late = pthread_cond_timedwait(&w->done, &w->lock, &until);
        running = w->running;
        pthread_mutex_unlock(&w->lock);
        Py_END_ALLOW_THREADS
        if (!running) return fine;
        fine = fine && !PyErr_CheckSignals();
        if (!fine || poll == Py_None) continue;
        long long seen = __atomic_load_n(&w->seen, __ATOMIC_RELAXED), bytes = __atomic_load_n(&w->bytes, __ATOMIC_RELAXED);
        PyObject *said = PyObject_CallFunction(poll, "LL", seen, bytes);
        fine = said != NULL;
        Py_XDECREF(said);
    }
}

/* ---- in order: texts that end in a zero byte, and numbers of eight bytes, are what Python gets ---------- */
typedef struct { char *bytes; size_t used, room; } Buffer;
typedef struct { Buffer texts, numbers; } List;
typedef struct { int64_t size, index; const Node *node; const char *name; } Large;
enum { TOTALS, DIRECT, EXTENSIONS, PATTERNS, LARGEST, FOLDERS, NAMED, BACK, RUNS, COLUMN, LISTS };
enum { FILES, DIRECTORY, TREE }; /* what is handed back; for a tree, plus how many above are not sent so far */
#define RUN 1024                 /* entries of one run, at most */
typedef struct {
    const Program *p;
    List list[LISTS];
    int64_t run_entries, run_packets, run_count, files, directories, ignored_directories, sent_ignored, announced, backs;
    Large *top;
    int top_count, failed;
} Order;

/* Returns room for so many bytes at the end of a buffer; without memory NULL, now and later. */
static char *put(Order *o, Buffer *b, size_t size) {
    o->failed |= !grow(&b->bytes, &b->room, b->used, size, 1);
    if (o->failed) return NULL;
    b->used += size;
    return b->bytes + b->used - size;
}
static void put_numbers(Order *o, int list, const int64_t *values, size_t size) {
    char *at = put(o, &o->list[list].numbers, size);
    if (at) memcpy(at, values, size);
}
#define PUT(o, list, ...) put_numbers(o, list, (int64_t[]){__VA_ARGS__}, sizeof((int64_t[]){__VA_ARGS__}))
static void put_path(Order *o, int list, const Node *n, const char *name) {
    char *at = put(o, &o->list[list].texts, (n ? length_in(n, 0) : 0) + strlen(name) + 1);
    if (at && n) write_path(n, name, at);
    else if (at) strcpy(at, name);
}
static void end_run(Order *o) {
    if (!o->run_entries) return;
    PUT(o, RUNS, o->run_entries, o->run_packets);
    o->run_entries = o->run_packets = 0;
    o->run_count++;
}
static void add_entry(Order *o, int64_t size) {
    if (o->p->counts != PACKETS) return;
    PUT(o, COLUMN, size);
    o->run_packets += packets_of(size);
    if (++o->run_entries == RUN) end_run(o);
}
/* Hands back `count` names in `n`, which follow but for a first one. */
static void hand_back(Order *o, const Node *n, int kind, int64_t count, const char *name) {
    end_run(o);
    put_path(o, BACK, n->parent, n->name);
    if (name) put_path(o, BACK, NULL, name);
    PUT(o, BACK, o->run_count, o->files, kind, count);
    o->backs++;
}
static void keep_largest(Order *o, int64_t size, const Node *n, const char *name) {
    int at = o->top_count;
    while (at && o->top[at - 1].size < size) at--;
    if (at == o->p->top) return;
    if (o->top_count < o->p->top) o->top_count++;
    memmove(o->top + at + 1, o->top + at, (o->top_count - at - 1) * sizeof *o->top);
    o->top[at] = (Large){size, o->files, n, name};
}
/* Returns the next record of `n`, NULL unless it is about that file; it is used up. */
static Record *record_of(Node *n, uint32_t file) {
    while (!n->record && n->part <= n->nfiles / CHUNK) n->record = n->records[n->part++];
    Record *r = n->record && n->record->file == file ? n->record : NULL;
    if (r) n->record = r->next;
    return r;
}
/* Adds the next files of `n` with one decider, or itself for `ITSELF`: names of so many bytes, behind what was handed
 * back so far. */
static void put_listed(Order *o, const Node *n, int64_t files, int64_t bytes, int decider) {
    put_path(o, FOLDERS, n, "");
    PUT(o, FOLDERS, files, bytes, decider, o->backs);
}
#define ITSELF (-1)
/* Lists the next files of `n` that are not handed back and have one decider, those before the place `end`. */
static void list_files(Order *o, Node *n, uint32_t end) {
    uint32_t first = n->file;
    const char *names = n->names;
    for (; n->file < end && n->sizes[n->file] != IS_ODD && n->deciders[n->file] == n->deciders[first]; n->file++) {
        PUT(o, NAMED, n->sizes[n->file]);
        n->names += strlen(n->names) + 1;
    }
    char *at = put(o, &o->list[NAMED].texts, n->names - names);
    if (at) memcpy(at, names, n->names - names);
    put_listed(o, n, n->file - first, n->names - names, n->deciders[first]);
    o->files += n->file - first;
}
/* Adds the next files of `n`, those before the place `end`. */
static void add_run(Order *o, Node *n, uint32_t end) {
    int is_listed = o->p->options & LISTED;
    while (n->file < end) {
        int64_t size = n->sizes[n->file];
        uint32_t last = n->file;
        while (last < end && n->sizes[last] == IS_ODD) last++;
        if (last > n->file) hand_back(o, n, FILES, last - n->file, NULL);
        for (; n->file < last; n->file++) {
            put_path(o, BACK, NULL, record_of(n, n->file)->name);
            if (is_listed) n->names += strlen(n->names) + 1;
        }
        if (size == IS_ODD) continue;
        if (is_listed) {
            list_files(o, n, end);
            continue;
        }
        Record *r = record_of(n, n->file);
        if (r && r->is_large) keep_largest(o, size, n, r->name);
        add_entry(o, size);
        o->files++, n->file++;
    }
}
/* Adds a directory with the names and sizes of its files, but for those that are handed back. */
static void put_folder(Order *o, const Node *n) {
    const char *name = n->names;
    int64_t count = 0;
    for (uint32_t i = 0; i < n->nfiles; i++, name += strlen(name) + 1) {
        if (n->sizes[i] == IS_ODD) continue;
        put_path(o, NAMED, NULL, name);
        PUT(o, NAMED, n->sizes[i]);
        count++;
    }
    put_path(o, FOLDERS, n, "");
    PUT(o, FOLDERS, count);
}
/* Adds a directory itself, before all that is in it, and what lies directly in it. */
static void begin(Order *o, const Node *n) {
    if (o->p->options & NAMES) put_folder(o, n);
    if (n->count && !(o->p->options & EVERYTHING)) {
        put_path(o, DIRECT, n, "");
        PUT(o, DIRECT, n->content_bytes, n->count);
    }
    if (!n->parent) return;
    o->ignored_directories += n->ignored;
    if (n->ignored && !(n->below && o->p->options & SENDS_PARENTS)) return;
    if (n->odd) return hand_back(o, n->parent, DIRECTORY, 1, n->name);
    if (o->p->options & LISTED) put_listed(o, n, ITSELF, 0, n->fate.decider);
    o->directories++;
    o->sent_ignored += n->ignored;
    int64_t packet = field(field(n->path_length) + number(GO_DIRECTORY | n->mode) + number(n->time));
    o->announced += o->p->counts == PACKETS ? packet : o->p->counts == TAR ? 512 : 0;
    add_entry(o, NO_CONTENT);
}
/* Returns how many ignored directories up from `n` hold nothing that is sent, but for what is handed back. */
static int silent(const Node *n) {
    int count = 0;
    for (; n->ignored && !n->below; n = n->parent) count++;
    return count;
}
/* Goes through all nodes in the order of the walk. */
static void in_order(Order *o, Node *n) {
    begin(o, n);
    while (n) {
        add_run(o, n, n->child < n->nchildren ? (uint32_t)n->at[n->child] : n->nfiles);
        Node *child = n->child < n->nchildren ? n->children[n->child++] : NULL;
        if (!child) n = n->parent;
        else if (child->handed) hand_back(o, n, TREE + silent(n), 1, child->name);
        else begin(o, n = child);
    }
    end_run(o);
}
/* Adds what has no order: what the threads have by extension and by pattern, and all totals. */
static void add_sums(Order *o, const Walk *w) {
    int64_t files = 0, folders = o->ignored_directories - o->sent_ignored, unopened = 0, content = 0;
    for (Sums *s = w->sums; s < w->sums + w->threads; s++) {
        files += s->ignored_files, folders += s->ignored_folders, unopened += s->unopened;
        o->announced += s->announced, content += s->content;
        for (Ending *e = s->endings; s->ending_count && e < s->endings + ENDINGS; e++) {
            if (e->text) put_path(o, EXTENSIONS, NULL, e->text);
            if (e->text) PUT(o, EXTENSIONS, e->bytes, e->count);
        }
        for (int i = 0; i <= w->p->patterns; i++)
            if (s->by_pattern[i].count) PUT(o, PATTERNS, i - 1, s->by_pattern[i].bytes, s->by_pattern[i].count);
    }
    for (Large *l = o->top; l < o->top + o->top_count; l++) {
        put_path(o, LARGEST, l->node, l->name);
        PUT(o, LARGEST, l->size, l->index);
    }
    PUT(o, TOTALS, w->bytes, o->files, o->directories, files, folders, unopened, o->announced, content);
}
/* Returns the lists of a walk that is over, pairs of texts and numbers. */
static PyObject *outcome(Walk *w, Node *top) {
    Order o = {.p = w->p, .top = zeroed((w->p->top + 1) * sizeof *o.top)};
    o.failed = !o.top;
    Py_BEGIN_ALLOW_THREADS
    if (!o.failed) in_order(&o, top), add_sums(&o, w);
    Py_END_ALLOW_THREADS
    PyObject *made = o.failed ? PyErr_NoMemory() : PyTuple_New(LISTS);
    for (int i = 0; i < LISTS; i++) {
        Buffer *t = &o.list[i].texts, *n = &o.list[i].numbers;
        if (made && PyTuple_SetItem(made, i, Py_BuildValue("(y#y#)", t->bytes ? t->bytes : "",
                (Py_ssize_t)t->used, n->bytes ? n->bytes : "", (Py_ssize_t)n->used))) Py_CLEAR(made);
        free(t->bytes), free(n->bytes);
    }
    free(o.top);
    return made && PyErr_Occurred() ? Py_DECREF(made), NULL : made;
}

/* ---- the module --------------------------------------------------------------------------------------- */
static int make_sums(const Program *p, Sums *s, Walk *w) {
    s->walk = w;
    Arena *arena = &s->arena;
    int fine = SPREAD(arena, s->endings, ENDINGS) && NEW(s->by_pattern, p->patterns + 1) &&
               NEW(s->largest, 2 * p->top + 1) && NEW(s->matched, 4 * p->words + 4) &&
               dfa_make(p, arena, &s->segments);
    s->rivals = s->matched + p->words, s->bits = s->rivals + p->words, s->near = s->bits + p->words;
    return fine;
}
/* Closes and frees what is left, also of a walk that was stopped; takes the children of nodes. */
static void clean_up(Walk *w, Node *top) {
    for (Node *n = top; n; n = n->nchildren ? n->children[--n->nchildren] : n->parent) {
        if (n->fd >= 0) close(n->fd);
        free(n->live);
        n->fd = -1, n->live = NULL;
    }
    for (Sums *s = w->sums; s && s < w->sums + w->threads; s++) {
        dfa_free(&s->segments);
        free(s->by_pattern), free(s->largest), free(s->buffer), free(s->entries), free(s->matched);
        release(&s->arena);
    }
    free(w->sums);
}
/* Starts the threads and waits for them. Returns 0 with an exception. */
static int run(Walk *w, pthread_t *thread, PyObject *poll) {
    int started = 0;
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old); /* signals are for Python's threads */
    w->running = w->threads;
    while (started < w->threads && !pthread_create(&thread[started], NULL, serve, &w->sums[started])) started++;
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    pthread_mutex_lock(&w->lock);
    w->running -= w->threads - started;
    pthread_mutex_unlock(&w->lock);
    int fine = wait_for(w, poll), some = started;
    Py_BEGIN_ALLOW_THREADS
    while (started) pthread_join(thread[--started], NULL);
    Py_END_ALLOW_THREADS
    if (fine && w->failed) PyErr_NoMemory();
    else if (fine && !some) PyErr_SetString(PyExc_OSError, "no thread can be started");
    return fine && !w->failed && some;
}
static PyObject *add_up(const Program *p, const char *root, int threads, PyObject *poll) {
    Walk w = {.p = p, .threads = threads, .lock = PTHREAD_MUTEX_INITIALIZER,
              .work = PTHREAD_COND_INITIALIZER, .done = PTHREAD_COND_INITIALIZER};
    Node top = {.name = "", .fate = {-1, -1}, .fd = -1};
    Job job = {.node = &top};
    PyObject *result = NULL;
    pthread_t *thread;
    int fine = NEW(thread, threads) && NEW(w.sums, threads);
    for (int i = 0; fine && i < threads; i++) fine = make_sums(p, &w.sums[i], &w);
    if (fine && p->words) fine = NEW(top.live, 2 * p->words) != NULL;
    if (top.live) memcpy(top.live, p->start, p->words * sizeof *top.live);
    AGAIN(top.fd, open(root, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    w.jobs = &job;
    if (!fine) PyErr_NoMemory();
    else if (top.fd < 0) PyErr_SetFromErrno(PyExc_OSError);
    else if (run(&w, thread, poll)) {
        if (top.handed) PyErr_SetString(PyExc_OSError, "all of it is Python's");
        else result = outcome(&w, &top);
    }
    clean_up(&w, &top);
    free(thread);
    return result;
}

/* ---- a tree in memory: directories in the order of a walk, names by directory ---------------------------- */
enum { IGNORED = 1, PASSED_BY = 2, REFUSED = 2 };
typedef struct { const int32_t *parent, *count; const char *folder, *name; Py_ssize_t folders; } Tree;

/* Sets the verdicts of the next names, which are files of a directory. Returns 0 without memory. */
static int judge_names(Sums *s, const Node *n, int32_t count, const char **name, char *path, char *verdicts) {
    const Program *p = s->walk->p;
    int files = may_match(p, n);
    for (int32_t i = 0; i < count; i++, *name += strlen(*name) + 1) {
        Entry e = {.name = *name, .fate = n->fate, .type = DT_REG};
        if (files && !give_fate(s, n, &e, path)) return 0;
        verdicts[i] = is_ignored(p, e.fate.decider) ? IGNORED : is_refused(p, e.fate) ? REFUSED : 0;
    }
    return 1;
}
/* Frees what may match in the directories between two that follow each other: nothing in them is left. */
static void leave(const Tree *t, Node *nodes, Py_ssize_t from, Py_ssize_t to) {
    for (; from > t->parent[to]; from = t->parent[from]) free(nodes[from].live), nodes[from].live = NULL;
}
/* Sets the verdicts of all directories, and of all names. Returns 0 without memory. */
static int judge_tree(Sums *s, const Tree *t, Node *nodes, char *path, char *folders, char *names) {
    const char *folder = t->folder, *name = t->name;
    for (Py_ssize_t at = 0; at < t->folders; at++, folder += strlen(folder) + 1) {
        Node *n = &nodes[at];
        folders[at] = 0;
        if (at) {
            leave(t, nodes, at - 1, at);
            const Node *above = &nodes[t->parent[at]];
            Entry e = {.name = folder, .fate = above->fate, .type = DT_DIR};
            if (above->live && !give_fate(s, above, &e, path)) return 0;
            int passed_by = arrive(s, above, &e, path, n);
            if (passed_by < 0) return 0;
            folders[at] = (n->ignored ? IGNORED : 0) | (passed_by ? PASSED_BY : 0);
        }
        if (!judge_names(s, n, t->count[at], &name, path, names)) return 0;
        names += t->count[at];
    }
    return 1;
}
/* Reads the options and the tables of patterns. Returns 0 with an exception. */
static int read_program(Program *p, PyObject *tables) {
    char *table[15];
    Py_ssize_t size[15];
    for (int i = 0; i < 15; i++) {
        PyObject *each = PyTuple_GetItem(tables, i);
        if (!each || PyBytes_AsStringAndSize(each, &table[i], &size[i])) return 0;
    }
    p->start = (void *)table[0], p->final = (void *)table[1], p->loop = (void *)table[2];
    p->text_loop = (void *)table[3], p->advance = (void *)table[4], p->exceptions = (void *)table[5];
    p->whole = (void *)table[6], p->after = (void *)table[7], p->owner = (void *)table[8];
    p->exceptional = (void *)table[9], p->token = (void *)table[10], p->first = (void *)table[11];
    p->classes = (void *)table[12], p->column = (void *)table[13];
    p->words = size[0] / sizeof(Word), p->patterns = size[9], p->tokens = size[10] / sizeof(Token);
    for (int i = 0; i < p->tokens; i++) p->runes |= p->token[i].kind == RUNE;
    for (int i = 0; i < 256; i++) if (p->column[i] >= p->columns) p->columns = p->column[i] + 1;
    p->reach = table[14], p->reach_end = table[14] + size[14];
    return 1;
}
static PyObject *core_add_up(PyObject *Py_UNUSED(self), PyObject *args) {
    Program p = {.user = geteuid()};
    const char *root;
    Py_ssize_t longest;
    PyObject *tables, *poll;
    int threads;
    if (!PyArg_ParseTuple(args, "yiiiiniOOO", &root, &threads, &p.options, &p.counts, &p.top, &longest,
                          &p.segments, &tables, &p.judge, &poll)) return NULL;
    if (threads < 1 || threads > MOST_THREADS || p.top < 0)
        return PyErr_SetString(PyExc_ValueError, "so many threads or files are not possible"), NULL;
    if (!read_program(&p, tables)) return NULL;
    p.longest = longest;
    return add_up(&p, root, threads, poll);
}
/* Frees what the verdicts on a tree took. */
static void forget(Sums *s, Node *nodes, Py_ssize_t count, char *path) {
    for (Py_ssize_t at = 0; nodes && at < count; at++) free(nodes[at].live);
    dfa_free(&s->segments);
    free(s->by_pattern), free(s->largest), free(s->matched);
    release(&s->arena);
    free(nodes), free(path);
}
static PyObject *core_judge(PyObject *Py_UNUSED(self), PyObject *args) {
    Program p = {0};
    Tree t;
    Py_ssize_t parent_bytes, count_bytes, folder_bytes, name_bytes, longest;
    PyObject *tables;
    if (!PyArg_ParseTuple(args, "iiOOy#y#y#y#n", &p.options, &p.segments, &tables, &p.judge, &t.parent, &parent_bytes,
                          &t.count, &count_bytes, &t.folder, &folder_bytes, &t.name, &name_bytes, &longest))
        return NULL;
    if (!read_program(&p, tables)) return NULL;
    Py_ssize_t folders = t.folders = count_bytes / sizeof *t.count, names = 0;
    for (Py_ssize_t i = 0; i < folders; i++) names += t.count[i];
    PyObject *results[] = {PyBytes_FromStringAndSize(NULL, folders), PyBytes_FromStringAndSize(NULL, names)};
    Walk w = {.p = &p};
    Sums s = {0};
    Node *nodes = NULL;
    char *path = NULL;
    int fine = results[0] && results[1] && make_sums(&p, &s, &w) && NEW(nodes, folders) && NEW(path, longest + 1);
    if (fine && p.words) fine = NEW(nodes->live, 2 * p.words) != NULL;
    if (fine) {
        nodes->name = "", nodes->fate = (Fate){-1, -1};
        if (nodes->live) memcpy(nodes->live, p.start, p.words * sizeof *nodes->live);
        char *of_folders = PyBytes_AsString(results[0]), *of_names = PyBytes_AsString(results[1]);
        s.python = PyEval_SaveThread();
        fine = judge_tree(&s, &t, nodes, path, of_folders, of_names);
        PyEval_RestoreThread(s.python);
    }
    forget(&s, nodes, folders, path);
    PyObject *result = fine ? PyTuple_Pack(2, results[0], results[1]) : PyErr_NoMemory();
    Py_XDECREF(results[0]), Py_XDECREF(results[1]);
    return result;
}
static PyObject *core_allow(PyObject *Py_UNUSED(self), PyObject *count) {
    allocations_left = PyLong_AsLong(count);
    return PyErr_Occurred() ? NULL : Py_BuildValue("");
}
static PyObject *core_limit(PyObject *Py_UNUSED(self), PyObject *bytes) {
    most_bytes = PyLong_AsLongLong(bytes);
    return PyErr_Occurred() ? NULL : Py_BuildValue("");
}
static PyMethodDef methods[] = {
    {"add_up", core_add_up, METH_VARARGS, "Return the sums of a walk."},
    {"judge", core_judge, METH_VARARGS, "Return the verdicts on a tree in memory."},
    {"allow", core_allow, METH_O, "Let so many allocations succeed, all for -1; for tests."},
    {"limit", core_limit, METH_O, "Let a thread add up so many bytes, and hand back what is more; for tests."},
    {NULL, NULL, 0, NULL}};
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "_core", NULL, -1, methods, NULL, NULL, NULL, NULL};
PyMODINIT_FUNC PyInit__core(void) { return PyModule_Create(&module); }
