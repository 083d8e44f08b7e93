/* Adds up what would be sent of a directory tree, with threads and without the GIL.
 *
 * Python says what patterns mean, as tables (see __init__.py); nothing here knows how an
 * ignore file is written. What this file cannot judge, or what a builder treats in a way of
 * its own (links, odd modes, attributes, what cannot be read), it hands back by name, in the
 * order of the walk, and Python looks at it: it never guesses.
 *
 * One thread visits one directory at a time and adds to sums of its own. What depends on the
 * order of entries is left in a tree of nodes and read in order at the end.  Linux only.
 */
#define Py_LIMITED_API 0x030A0000
#define PY_SSIZE_T_CLEAN
#define _GNU_SOURCE
#include <Python.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <sched.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

typedef uint64_t Word;
#define SET(words, bit) ((words)[(bit) >> 6] |= 1ULL << ((bit) & 63))
#define AGAIN(result, call) do (result) = (call); while ((result) < 0 && errno == EINTR)

/* ---- memory --------------------------------------------------------------------------------
 * All that lives as long as the walk comes from blocks that are freed together. */

static long allocations_left = -1; /* for tests: that many succeed, -1 for all */

static void *allocate(void *old, size_t size) {
    if (__atomic_load_n(&allocations_left, __ATOMIC_RELAXED) >= 0) {
        long left = __atomic_fetch_sub(&allocations_left, 1, __ATOMIC_RELAXED);
        if (left <= 0) {
            __atomic_store_n(&allocations_left, 0, __ATOMIC_RELAXED);
            return NULL;
        }
    }
    return realloc(old, size ? size : 1);
}

typedef struct Block { struct Block *next; } Block;
typedef struct { Block *blocks; char *at, *end; } Arena;
#define BLOCK_BYTES (256 * 1024)

static void *keep(Arena *arena, size_t size) {
    size = size ? (size + 7) & ~(size_t)7 : 8;
    if (size > (size_t)(arena->end - arena->at)) {
        size_t room = sizeof(Block) + (size > BLOCK_BYTES / 4 ? size : BLOCK_BYTES);
        Block *block = allocate(NULL, room);
        if (!block) return NULL;
        block->next = arena->blocks;
        arena->blocks = block;
        if (size > BLOCK_BYTES / 4) return block + 1; /* a block of its own; the last one goes on */
        arena->at = (char *)(block + 1);
        arena->end = (char *)block + room;
    }
    void *found = arena->at;
    arena->at += size;
    return found;
}

static char *keep_text(Arena *arena, const char *text) {
    size_t size = strlen(text) + 1;
    char *copy = keep(arena, size);
    return copy ? memcpy(copy, text, size) : NULL;
}

static void release(Arena *arena) {
    for (Block *block = arena->blocks, *next; block; block = next) {
        next = block->next;
        free(block);
    }
    arena->blocks = NULL;
}

/* Makes room for one more item of an array. Returns 0 if there is no memory. */
static int grow(void *array, size_t *room, size_t used, size_t item) {
    if (used < *room) return 1;
    size_t wanted = *room ? *room * 2 : 32;
    void *more = allocate(*(void **)array, wanted * item);
    if (!more) return 0;
    *(void **)array = more;
    *room = wanted;
    return 1;
}

/* ---- what Python passes ------------------------------------------------------------------ */

enum { END, BYTE, RUNE, STAR, CLASS };           /* tokens of a segment */
typedef struct { int32_t kind, value; } Token;   /* value: bit, byte, -, -, class */

enum { READS_ATTRIBUTES = 1, REFUSES = 2, NO_SOCKETS = 4, SENDS_PARENTS = 8 };
enum { UNCOUNTED, PACKETS, TAR };                /* how the builder counts what it sends */
/* What a name tells; the number of its ending, so that one is noted once, is above these bits. */
enum { MARK = 1, SECRET = 2, FOLDER = 4, END_MARK = 8, END_SECRET = 16, ENDING_SHIFT = 8 };

typedef struct { const char *text; size_t length; uint32_t hash; int tells; } Telling;

typedef struct {
    int words, patterns, tokens, starts, columns, has_rune;
    const Word *start, *final, *loop, *advance, *exceptions, *whole;
    const int32_t *after;               /* by pattern: the first bit of those behind it */
    const int32_t *owner;               /* by bit: its pattern */
    const unsigned char *exceptional;   /* by pattern */
    const Token *token;
    const int32_t *first;               /* the tokens with which segments begin */
    const unsigned char *classes;       /* 256 flags each */
    unsigned char column[256];          /* bytes that no token tells apart share a column */
    int options, counts, top;
    uid_t user;
    size_t longest;                     /* bytes of the longest path that can be opened */
    int reaches_all;                    /* exceptions may lead anywhere, or where these say */
    size_t reaches;
    const char **reach;
    Telling *telling;                   /* a hash table */
    uint32_t telling_mask;
    const char *secret_start;
    size_t secret_start_bytes;
    size_t handed;
    const char **hand;                  /* directories that Python asks for, sorted */
} Program;

static uint32_t hash_of(const char *text, size_t length) {
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < length; i++) hash = (hash ^ (unsigned char)text[i]) * 16777619u;
    return hash;
}

static int telling(const Program *p, const char *text, size_t length, uint32_t hash) {
    for (uint32_t at = hash & p->telling_mask;; at = (at + 1) & p->telling_mask) {
        const Telling *each = &p->telling[at];
        if (!each->text) return 0;
        if (each->hash == hash && each->length == length && !memcmp(each->text, text, length))
            return each->tells;
    }
}

/* ---- names ---------------------------------------------------------------------------------
 * A name is read once by an automaton that is built as names come. Its state says which
 * segments match. It is built anew when it has become too large. */

typedef struct { int32_t *places; int count, any; uint32_t hash; } State;
typedef struct {
    State *state;
    int32_t *next, *table, *mark, *work;
    Word *bits;
    int states, room, most, size, round;
    size_t places;
} Dfa;
#define DFA_BYTES (24 << 20)

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

static int make_room(const Program *p, Dfa *d) {
    if (d->places * sizeof(int32_t) > DFA_BYTES) return -1;
    if (d->states < d->room) return 1;
    if (d->states >= d->most) return -1;
    int room = d->room ? d->room * 2 : 64;
    void *state = allocate(d->state, room * sizeof *d->state);
    if (state) d->state = state;
    void *next = allocate(d->next, (size_t)room * p->columns * sizeof *d->next);
    if (next) d->next = next;
    void *bits = allocate(d->bits, ((size_t)room * p->words + 1) * sizeof *d->bits);
    if (bits) d->bits = bits;
    if (!state || !next || !bits) return 0;
    d->room = room;
    return 1;
}

/* Returns the state that the `count` places in `work` are, -1 if it is time to begin anew,
 * -2 without memory. */
static int state_of(const Program *p, Dfa *d, int count) {
    uint32_t hash = hash_of((const char *)d->work, count * sizeof *d->work);
    uint32_t at = hash & (d->size - 1);
    for (; d->table[at] >= 0; at = (at + 1) & (d->size - 1)) {
        State *s = &d->state[d->table[at]];
        if (s->hash == hash && s->count == count &&
            !memcmp(s->places, d->work, count * sizeof *d->work)) return d->table[at];
    }
    int more = make_room(p, d);
    if (more <= 0) return more ? -1 : -2;
    State *s = &d->state[d->states];
    *s = (State){allocate(NULL, count * sizeof *s->places), count, 0, hash};
    if (!s->places) return -2;
    memcpy(s->places, d->work, count * sizeof *s->places);
    d->places += count;
    memset(d->next + (size_t)d->states * p->columns, -1, p->columns * sizeof *d->next);
    Word *bits = d->bits + (size_t)d->states * p->words;
    memset(bits, 0, p->words * sizeof *bits);
    for (int i = 0; i < count; i++)
        if (p->token[s->places[i]].kind == END) {
            SET(bits, p->token[s->places[i]].value);
            s->any = 1;
        }
    return d->table[at] = d->states++;
}

static int dfa_begin(const Program *p, Dfa *d) {
    for (int i = 0; i < d->states; i++) free(d->state[i].places);
    d->states = 0;
    d->places = 0;
    memset(d->table, -1, d->size * sizeof *d->table);
    int count = 0;
    d->round++;
    for (int i = 0; i < p->starts; i++) count = add_place(p, d, count, p->first[i]);
    return state_of(p, d, count) == 0;
}

static int dfa_make(const Program *p, Dfa *d) {
    size_t each = p->columns * sizeof *d->next + p->words * sizeof *d->bits + sizeof *d->state;
    d->most = DFA_BYTES / each < 64 ? 64 : DFA_BYTES / each > 16384 ? 16384 : DFA_BYTES / each;
    d->size = 65536;
    d->table = allocate(NULL, d->size * sizeof *d->table);
    d->mark = allocate(NULL, (p->tokens + 1) * sizeof *d->mark);
    d->work = allocate(NULL, (p->tokens + 1) * sizeof *d->work);
    if (!d->table || !d->mark || !d->work) return 0;
    memset(d->mark, 0, (p->tokens + 1) * sizeof *d->mark);
    return dfa_begin(p, d);
}

static void dfa_free(Dfa *d) {
    for (int i = 0; i < d->states; i++) free(d->state[i].places);
    free(d->state), free(d->next), free(d->bits), free(d->table), free(d->mark), free(d->work);
}

static int dfa_step(const Program *p, Dfa *d, int from, unsigned char byte) {
    const State *s = &d->state[from];
    int count = 0;
    d->round++;
    for (int i = 0; i < s->count; i++) {
        int place = s->places[i];
        const Token *t = &p->token[place];
        if (t->kind == STAR)
            count = add_place(p, d, count, place);
        else if ((t->kind == BYTE && t->value == byte) || t->kind == RUNE ||
                 (t->kind == CLASS && p->classes[t->value * 256 + byte]))
            count = add_place(p, d, count, place + 1);
    }
    int to = state_of(p, d, count);
    if (to >= 0) d->next[(size_t)from * p->columns + p->column[byte]] = to;
    return to;
}

/* Returns the segments that match `name`; NULL without memory, or with `unjudged` set for a name
 * that takes more states than there may be. */
static const Word *segments_of(const Program *p, Dfa *d, const char *name, unsigned char *unjudged) {
    int at = 0, full = 0;
    for (const unsigned char *c = (const unsigned char *)name; *c; c++) {
        int to = d->next[(size_t)at * p->columns + p->column[*c]];
        if (to < 0) to = dfa_step(p, d, at, *c);
        if (to == -2) return NULL;
        if (to == -1) { /* full */
            if (!dfa_begin(p, d)) return NULL;
            if (full++) return *unjudged = 1, NULL; /* for this name alone */
            at = 0;
            c = (const unsigned char *)name - 1;
            continue;
        }
        at = to;
    }
    return d->bits + (size_t)at * p->words;
}

/* ---- verdicts ------------------------------------------------------------------------------
 * As `Program` in automaton.py: a directory is summed up by the pattern that decided, the last
 * one that changed a verdict, and the segments that may match what is in it. */

typedef struct { int decider, last; } Fate; /* patterns, -1 for none */

static int is_ignored(const Program *p, int decider) {
    return decider >= 0 && !p->exceptional[decider];
}

/* Leaves of `set` what belongs to patterns behind `pattern`; returns whether anything is left. */
static int only_after(const Program *p, Word *set, int pattern) {
    int bit = pattern < 0 ? 0 : p->after[pattern];
    Word any = 0;
    for (int i = 0; i < p->words; i++) {
        if (i * 64 + 64 <= bit) set[i] = 0;
        else if (i * 64 < bit) set[i] &= ~0ULL << (bit & 63);
        any |= set[i];
    }
    return any != 0;
}

/* Only a later pattern of the other kind changes a verdict, and only one that does counts below.
 * `rivals` is room for a set. */
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

enum { PLAIN_NAME, ODD_NAME, NO_UTF8 };

/* Says whether a name holds what is compared by character, and whether it is UTF-8 at all. */
static int kind_of(const char *name) {
    int kind = PLAIN_NAME;
    for (const unsigned char *c = (const unsigned char *)name; *c;) {
        if (*c < 0x80) {
            if (*c++ == '\n') kind = ODD_NAME;
            continue;
        }
        int more = *c >= 0xC2 && *c <= 0xDF ? 1 : (*c & 0xF0) == 0xE0 ? 2 : *c >= 0xF0 && *c <= 0xF4 ? 3 : 0;
        int low = *c == 0xE0 ? 0xA0 : *c == 0xF0 ? 0x90 : 0x80;
        int high = *c == 0xED ? 0x9F : *c == 0xF4 ? 0x8F : 0xBF;
        if (!more) return NO_UTF8;
        for (c++; more--; c++, low = 0x80, high = 0xBF)
            if (*c < low || *c > high) return NO_UTF8;
        kind = ODD_NAME;
    }
    return kind;
}

/* ---- what is found ----------------------------------------------------------------------- */

enum { ODD = 1, LARGE = 2, TELLS = 4 };
#define IS_ODD (-1)

typedef struct Node {
    struct Node *parent, *next, **children;
    int32_t *at;                /* by child: how many files come before it */
    int64_t *sizes;             /* by file: its bytes, IS_ODD if it is handed back */
    char *name;
    Word *live;
    struct Record *records;     /* what is known of some files, in order */
    int64_t time, content_bytes, count;
    size_t nrecords;
    uint32_t path_length, nchildren, nfiles, pending;
    Fate fate;
    int fd, tells;
    uint16_t mode;
    unsigned char ignored, sent, below, handed, odd, has_unjudged, is_ascii;
} Node;

typedef struct Record {
    Node *node;
    uint32_t file;
    int what, tells;
    const char *name;           /* kept, or of the directory's own names until it is over */
} Record;

typedef struct { const char *text; size_t length; uint32_t hash; int tells; int64_t bytes, count; } Ending;
typedef struct { int64_t bytes, count; } Amount;

/* What one thread added up, and what it works with. */
typedef struct {
    struct Walk *walk;
    Arena arena;
    Dfa dfa;
    Ending *endings;
    size_t ending_count, ending_room;
    Amount *by_pattern;
    Record *records;
    size_t record_count, record_room;
    int64_t *largest;           /* the sizes of the largest files so far; then those of a directory */
    int64_t ignored_files, ignored_folders, unopened, announced, content;
    char *buffer;
    size_t room;
    struct Entry *entries;
    size_t entry_room;
    Word *scratch;              /* four sets */
    int own_directory;          /* whether the working directory is of this thread alone: 0, 1, -1 */
} Sums;

typedef struct Entry { const char *name; Fate fate; unsigned char type, unjudged, is_ascii; } Entry;

/* The names of a large directory, and some of its files to be looked at. */
typedef struct { Entry *entries; char *names; int left; } Shared;
typedef struct Job { struct Job *next; Node *node; Shared *shared; uint32_t from, to; } Job;

typedef struct Walk {
    const Program *p;
    Sums *sums;
    pthread_mutex_t lock;
    pthread_cond_t work, done;
    Node *nodes;                /* to be visited */
    Job *jobs;                  /* to be looked at first */
    int active, idle, threads, running, root;
    int stop, failed;           /* errno, ENOMEM above all */
    int64_t seen, bytes;
} Walk;

#define CHUNK 2048 /* files of a large directory that a thread looks at at once */

static inline int varint(uint64_t v) { return v ? (70 - __builtin_clzll(v)) / 7 : 1; }
static inline int64_t number(uint64_t v) { return v ? 1 + varint(v) : 0; }
static inline int64_t required(int64_t n) { return 1 + varint(n) + n; }
static inline int64_t field(int64_t n) { return n ? required(n) : 0; }
static inline int64_t content_of(int64_t n) { return (n >> 15) * required(32768) + field(n & 32767); }
static inline int64_t packets_of(int64_t n) { return (n + 65535) >> 15; }
static inline int64_t blocks_of(int64_t n) { return (n + 511) & ~511LL; }
static inline int64_t time_of(const struct stat *st) {
    return (uint64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec;
}
#define GO_DIRECTORY (1u << 31)
#define NO_CONTENT (-65535) /* of an entry without packets, as in transfer.py */
#define USTAR_BYTES 100
#define USTAR_LARGEST ((8LL << 30) - 1)
#define USTAR_LAST 077777777777LL

static void fail(Walk *w, int error) {
    pthread_mutex_lock(&w->lock);
    w->failed = error;
    __atomic_store_n(&w->stop, 1, __ATOMIC_RELAXED);
    pthread_cond_broadcast(&w->work);
    pthread_mutex_unlock(&w->lock);
}

/* Writes the path of an entry into `path`, which has room for it. Returns its length. */
static size_t write_path(const Node *n, const char *name, char *path) {
    size_t length = n->path_length;
    char *end = path + length;
    for (const Node *each = n; each->parent; each = each->parent) {
        size_t own = strlen(each->name);
        memcpy(end -= own, each->name, own);
        if (each->parent->parent) *--end = '/';
    }
    if (n->parent) path[length++] = '/';
    size_t own = strlen(name);
    memcpy(path + length, name, own + 1);
    return length + own;
}

static int compare_texts(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Returns whether the ignored directory `name` is looked into for what exceptions let in. */
static int is_entered(const Program *p, const Node *n, const char *name, char *path) {
    if (p->reaches_all) return 1;
    size_t length = write_path(n, name, path);
    for (size_t i = 0; i < p->reaches; i++) {
        const char *text = p->reach[i];
        if (!strncmp(text, path, length) && (!text[length] || text[length] == '/')) return 1;
    }
    return 0;
}

static int is_handed(const Program *p, const Node *n, const char *name, char *path) {
    if (!p->handed) return 0;
    write_path(n, name, path);
    return bsearch(&path, p->hand, p->handed, sizeof *p->hand, compare_texts) != NULL;
}

static int note(Sums *s, Node *n, uint32_t file, int what, int tells, const char *name) {
    if (!grow(&s->records, &s->record_room, s->record_count, sizeof *s->records)) return 0;
    char *copy = keep_text(&s->arena, name);
    if (!copy) return 0;
    s->records[s->record_count++] = (Record){n, file, what, tells, copy};
    return 1;
}

/* Counts a file under its extension. Returns what that tells, -1 without memory. */
static int add_ending(const Program *p, Sums *s, const char *name, size_t length, int64_t size) {
    const char *dot = memrchr(name, '.', length), *own = dot, *first = name;
    while (*first == '.') first++;
    if (dot && first > dot) dot = NULL; /* `.env` has none */
    const char *text = dot ? dot : name + length;
    size_t bytes = name + length - text;
    uint32_t hash = hash_of(text, bytes);
    if (s->ending_count * 2 >= s->ending_room) {
        size_t room = s->ending_room ? s->ending_room * 2 : 256;
        Ending *more = allocate(NULL, room * sizeof *more);
        if (!more) return -1;
        memset(more, 0, room * sizeof *more);
        for (size_t i = 0; i < s->ending_room; i++) {
            if (!s->endings[i].text) continue;
            size_t at = s->endings[i].hash & (room - 1);
            while (more[at].text) at = (at + 1) & (room - 1);
            more[at] = s->endings[i];
        }
        free(s->endings);
        s->endings = more;
        s->ending_room = room;
    }
    size_t at = hash & (s->ending_room - 1);
    Ending *each = &s->endings[at];
    while (each->text && (each->hash != hash || each->length != bytes || memcmp(each->text, text, bytes))) {
        at = (at + 1) & (s->ending_room - 1);
        each = &s->endings[at];
    }
    if (!each->text) {
        char *copy = keep_text(&s->arena, text);
        if (!copy) return -1;
        *each = (Ending){copy, bytes, hash, telling(p, text, bytes, hash), 0, 0};
        s->ending_count++;
    }
    each->bytes += size;
    each->count++;
    int tells = each->tells;
    if (own && !dot) { /* what `.pem` tells does not depend on what is before it */
        size_t rest = name + length - own;
        tells |= telling(p, own, rest, hash_of(own, rest));
    }
    return tells & ~(MARK | SECRET | FOLDER);
}

/* Adds a size to the largest ones, which ascend. */
static void rise(int64_t *largest, int top, int64_t size) {
    int i = 0;
    for (; i + 1 < top && largest[i + 1] < size; i++) largest[i] = largest[i + 1];
    largest[i] = size;
}

/* Returns whether a file may be one of the largest of all. Of files of one size the first ones
 * are; which they are is known of the files `here`, one after the other, not of other threads'. */
static int is_large(const Program *p, int64_t *all, int64_t *here, int64_t size) {
    if (!p->top || size < all[0] || size <= here[0]) return 0;
    if (size > all[0]) rise(all, p->top, size);
    rise(here, p->top, size);
    return 1;
}

/* Returns the bytes of the names of the attributes of `name`, -1 with errno as the system has it.
 * The system finds them by path, so a thread has a working directory of its own. */
static ssize_t attributes_of(Sums *s, int fd, int *is_here, const char *name) {
    ssize_t found;
    if (!s->own_directory) s->own_directory = unshare(CLONE_FS) ? -1 : 1;
    if (s->own_directory > 0 && !*is_here) *is_here = fchdir(fd) ? -1 : 1;
    if (s->own_directory > 0 && *is_here > 0) {
        AGAIN(found, llistxattr(name, NULL, 0));
        return found;
    }
    char path[64 + NAME_MAX];
    snprintf(path, sizeof path, "/proc/self/fd/%d/%s", fd, name);
    AGAIN(found, llistxattr(path, NULL, 0));
    return found;
}

static int has_attributes(ssize_t found) {
    return found > 0 || (found < 0 && errno != ENOTSUP);
}

/* ---- one directory ----------------------------------------------------------------------- */

/* Returns whether a file is one that needs no second look: the usual kind, of one name, that
 * this process may read. */
static int is_plain(const Program *p, const struct stat *st) {
    if ((st->st_mode & 0177000) != S_IFREG || st->st_nlink != 1) return 0;
    return (st->st_mode & 0444) == 0444 || (st->st_mode & 0400 && st->st_uid == p->user);
}

/* What the builder announces of a file, but for its content; -1 if Python has to say. */
static int64_t announced(const Program *p, size_t path, int is_ascii, const struct stat *st) {
    if (p->counts == UNCOUNTED) return 0;
    if (p->counts == PACKETS)
        return required(field(path) + number(st->st_mode & 0777) + number(st->st_size) + number(time_of(st)));
    if (path > USTAR_BYTES || !is_ascii || st->st_size > USTAR_LARGEST || st->st_mtim.tv_sec < 0 ||
        st->st_mtim.tv_sec > USTAR_LAST) return -1;
    return 512 + blocks_of(st->st_size);
}

/* Adds the files `from` to `to` of a directory. Returns 0 without memory. */
static int add_files(Sums *s, Node *n, Entry *entries, uint32_t from, uint32_t to) {
    const Program *p = s->walk->p;
    int is_here = 0;
    int64_t *here = s->largest + p->top;
    memset(here, 0, p->top * sizeof *here);
    uint32_t before = n->parent ? n->path_length + 1 : 0;
    int64_t content_bytes = 0, count = 0, usual_bytes = 0, usual_count = 0;
    Word ends_seen = 0;
    for (uint32_t i = from; i < to; i++) {
        const Entry *e = &entries[i];
        struct stat st;
        int result, refused = p->options & REFUSES && e->fate.last >= 0 && !p->exceptional[e->fate.last];
        size_t length = strlen(e->name);
        int64_t head = -1;
        if (!(i & 255) && __atomic_load_n(&s->walk->stop, __ATOMIC_RELAXED)) return 1;
        if (!e->unjudged && !refused) {
            AGAIN(result, fstatat(n->fd, e->name, &st, AT_SYMLINK_NOFOLLOW));
            if (!result && is_plain(p, &st) &&
                !(p->options & READS_ATTRIBUTES && has_attributes(attributes_of(s, n->fd, &is_here, e->name)))) {
                head = announced(p, before + length, n->is_ascii && e->is_ascii, &st);
            }
        }
        if (head < 0) {
            n->sizes[i] = IS_ODD;
            if (!note(s, n, i, ODD, 0, e->name)) return 0;
            continue;
        }
        int64_t size = n->sizes[i] = st.st_size;
        int tells = add_ending(p, s, e->name, length, size);
        if (tells < 0) return 0;
        if (tells & END_MARK) { /* once is enough */
            Word bit = 1ULL << (tells >> ENDING_SHIFT);
            if (ends_seen & bit) tells &= ~END_MARK;
            ends_seen |= bit;
        }
        tells |= telling(p, e->name, length, hash_of(e->name, length)) & (MARK | SECRET);
        if (!strncmp(e->name, p->secret_start, p->secret_start_bytes)) tells |= SECRET;
        tells &= MARK | SECRET | END_MARK | END_SECRET;
        int what = (is_large(p, s->largest, here, size) ? LARGE : 0) | (tells ? TELLS : 0);
        if (what && !note(s, n, i, what, tells, e->name)) return 0;
        s->announced += head;
        s->content += p->counts == PACKETS ? content_of(size) : 0;
        content_bytes += size, count++;
        if (e->fate.decider == n->fate.decider) usual_bytes += size, usual_count++;
        else {
            s->by_pattern[e->fate.decider + 1].bytes += size;
            s->by_pattern[e->fate.decider + 1].count++;
        }
    }
    s->by_pattern[n->fate.decider + 1].bytes += usual_bytes;
    s->by_pattern[n->fate.decider + 1].count += usual_count;
    __atomic_fetch_add(&n->content_bytes, content_bytes, __ATOMIC_RELAXED);
    __atomic_fetch_add(&n->count, count, __ATOMIC_RELAXED);
    __atomic_fetch_add(&s->walk->seen, count, __ATOMIC_RELAXED);
    __atomic_fetch_add(&s->walk->bytes, content_bytes, __ATOMIC_RELAXED);
    return 1;
}

/* Reads the names of an open directory into the thread's entries, in byte order. Returns their
 * number, -1 where that fails, -2 without memory. */
static long read_names(Sums *s, int fd) {
    size_t used = 0, count = 0;
    for (long got = 1; got; used += got) {
        if (s->room - used < 32768) {
            char *more = allocate(s->buffer, s->room ? s->room * 2 : 65536);
            if (!more) return -2;
            s->buffer = more;
            s->room = s->room ? s->room * 2 : 65536;
        }
        AGAIN(got, syscall(SYS_getdents64, fd, s->buffer + used, s->room - used));
        if (got < 0) return -1;
    }
    for (size_t at = 0; at < used;) {
        struct dirent64 *d = (struct dirent64 *)(s->buffer + at);
        at += d->d_reclen;
        const char *name = d->d_name;
        if (name[0] == '.' && (!name[1] || (name[1] == '.' && !name[2]))) continue;
        if (d->d_reclen > offsetof(struct dirent64, d_name) + NAME_MAX && strlen(name) > NAME_MAX)
            return -1; /* some file systems have such names, for which paths have no room here */
        if (!grow(&s->entries, &s->entry_room, count, sizeof *s->entries)) return -2;
        struct stat st;
        if (d->d_type == DT_UNKNOWN && !fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW))
            d->d_type = IFTODT(st.st_mode);
        s->entries[count++] = (Entry){.name = name, .type = d->d_type};
    }
    if (count) qsort(s->entries, count, sizeof *s->entries, compare_texts); /* the name comes first */
    return count;
}

/* Returns the directory `e` in `n` as a node of its own, NULL without memory. */
static Node *make_node(Sums *s, Node *n, const Entry *e) {
    Node *child = keep(&s->arena, sizeof *child);
    if (!child) return NULL;
    memset(child, 0, sizeof *child);
    child->parent = n;
    child->fd = -1;
    child->fate = e->fate;
    child->is_ascii = n->is_ascii && e->is_ascii;
    child->path_length = (n->parent ? n->path_length + 1 : 0) + strlen(e->name);
    child->name = keep_text(&s->arena, e->name);
    return child->name ? child : NULL;
}

/* Sets what may match below the directory `child`, whose name the segments `bits` match; returns
 * whether an exception is among them, -1 without memory. */
static int follow(const Program *p, const Node *n, Node *child, const Word *bits) {
    Word carry = 0, hopeful = 0, whole = 0;
    child->live = allocate(NULL, p->words * sizeof *child->live);
    if (!child->live) return -1;
    for (int i = 0; i < p->words; i++) {
        Word hits = n->live[i] & bits[i] & p->advance[i];
        child->live[i] = (hits << 1 | carry) | (n->live[i] & p->loop[i]);
        carry = hits >> 63;
    }
    only_after(p, child->live, child->fate.decider);
    for (int i = 0; i < p->words; i++) {
        hopeful |= child->live[i] & p->exceptions[i];
        whole |= child->live[i] & p->whole[i];
    }
    child->handed |= whole != 0; /* some pattern is about whole paths there */
    return hopeful != 0;
}

/* Adds the directory `e` to the children of `n`, unless nothing in it can be sent. Returns 0
 * without memory. */
static int add_directory(Sums *s, Node *n, Entry *e, const Word *bits, char *path) {
    const Program *p = s->walk->p;
    Word *matched = s->scratch, *rivals = s->scratch + p->words;
    int hands = e->unjudged || is_handed(p, n, e->name, path);
    if (bits && !hands) {
        for (int i = 0; i < p->words; i++) matched[i] = n->live[i] & bits[i] & p->final[i];
        decide(p, &e->fate, matched, rivals);
    }
    Node *child = make_node(s, n, e);
    if (!child) return 0;
    child->handed = hands;
    child->ignored = is_ignored(p, e->fate.decider);
    int hopeful = 0;
    if (bits && !hands && (hopeful = follow(p, n, child, bits)) < 0) return 0;
    if (child->ignored && !hands && (!hopeful || !is_entered(p, n, e->name, path))) {
        free(child->live);
        s->ignored_folders++, s->unopened++;
        return 1;
    }
    if (child->handed) {
        free(child->live);
        child->live = NULL;
        n->has_unjudged = 1;
    }
    size_t length = strlen(e->name);
    if (!child->ignored) child->tells = telling(p, e->name, length, hash_of(e->name, length)) & FOLDER;
    n->at[n->nchildren] = n->nfiles;
    n->children[n->nchildren++] = child;
    return 1;
}

/* Gives each of the `count` entries its fate: directories become children, files that are sent
 * come first among the entries. Returns 0 without memory. */
static int judge(Sums *s, Node *n, long count, size_t directories) {
    const Program *p = s->walk->p;
    Word any_live = 0, any_final = 0, *matched = s->scratch, *rivals = s->scratch + p->words;
    for (int i = 0; n->live && i < p->words; i++) {
        any_live |= n->live[i];
        any_final |= n->live[i] & p->final[i];
    }
    n->children = keep(&s->arena, directories * sizeof *n->children);
    n->at = keep(&s->arena, directories * sizeof *n->at);
    char *path = allocate(NULL, n->path_length + NAME_MAX + 3);
    int fine = n->children && n->at && path;
    for (long i = 0; fine && i < count && !__atomic_load_n(&s->walk->stop, __ATOMIC_RELAXED); i++) {
        Entry e = s->entries[i];
        int kind = kind_of(e.name), is_directory = e.type == DT_DIR;
        e.fate = n->fate;
        e.is_ascii = kind == PLAIN_NAME;
        e.unjudged = kind == NO_UTF8 ||
                     (kind == ODD_NAME && any_live && (p->has_rune || strchr(e.name, '\n')));
        const Word *bits = NULL;
        if (!e.unjudged && (is_directory ? any_live : any_final)) {
            bits = segments_of(p, &s->dfa, e.name, &e.unjudged);
            if (!bits && !e.unjudged) fine = 0;
        }
        if (fine && is_directory) {
            fine = add_directory(s, n, &e, bits, path);
            continue;
        }
        if (bits) {
            Word any = 0;
            for (int j = 0; j < p->words; j++) any |= matched[j] = n->live[j] & bits[j] & p->final[j];
            if (any) decide(p, &e.fate, matched, rivals);
        }
        n->has_unjudged |= e.unjudged;
        if (!e.unjudged && is_ignored(p, e.fate.decider)) s->ignored_files++;
        else if (e.unjudged || e.type != DT_SOCK || !(p->options & NO_SOCKETS)) s->entries[n->nfiles++] = e;
    }
    free(path);
    return fine;
}

/* Looks at the files of a directory, or leaves them in parts to all threads. Returns 0 without
 * memory. */
static int share_files(Sums *s, Node *n, Job **jobs) {
    n->sizes = keep(&s->arena, n->nfiles * sizeof *n->sizes);
    if (!n->sizes) return 0;
    if (s->walk->threads < 2 || n->nfiles < 2 * CHUNK) return add_files(s, n, s->entries, 0, n->nfiles);
    Shared *shared = keep(&s->arena, sizeof *shared);
    if (!shared) return 0;
    *shared = (Shared){s->entries, s->buffer, 0};
    for (uint32_t from = 0; from < n->nfiles; from += CHUNK) {
        Job *job = keep(&s->arena, sizeof *job);
        if (!job) break;
        uint32_t to = n->nfiles - from < 2 * CHUNK ? n->nfiles : from + CHUNK;
        *job = (Job){*jobs, n, shared, from, to};
        *jobs = job;
        shared->left++;
        if (to == n->nfiles) break;
    }
    if (!*jobs || (*jobs)->to != n->nfiles) return *jobs = NULL, 0;
    s->entries = NULL, s->buffer = NULL;
    s->entry_room = s->room = 0;
    return 1;
}

/* Visits a directory: its directories become children, its files are counted or become jobs.
 * Where it cannot be read Python is asked, who knows what the builder does. Returns 0 without
 * memory. */
static int visit(Sums *s, Node *n, Job **jobs) {
    const Program *p = s->walk->p;
    struct stat st;
    if (n->parent)
        AGAIN(n->fd, openat(n->parent->fd, n->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    n->handed = n->fd < 0 || fstat(n->fd, &st) || n->path_length + 1 + NAME_MAX > p->longest;
    if (n->handed) return 1;
    if (n->parent && !n->ignored) __atomic_fetch_add(&s->walk->seen, 1, __ATOMIC_RELAXED);
    n->mode = st.st_mode & 0777;
    n->time = time_of(&st);
    n->odd = p->counts == TAR && (!n->is_ascii || n->path_length + 1 > USTAR_BYTES ||
                                  st.st_mtim.tv_sec < 0 || st.st_mtim.tv_sec > USTAR_LAST);
    if (p->options & READS_ATTRIBUTES && n->parent && has_attributes(flistxattr(n->fd, NULL, 0))) n->odd = 1;
    long count = read_names(s, n->fd);
    if (count < 0) return n->handed = 1, count == -1;
    size_t directories = 0;
    for (long i = 0; i < count; i++) directories += s->entries[i].type == DT_DIR;
    return judge(s, n, count, directories) && (!n->nfiles || share_files(s, n, jobs));
}

/* ---- threads ----------------------------------------------------------------------------- */

static void close_if_over(Node *n) {
    if (!n->pending && n->fd >= 0 && n->parent) {
        close(n->fd);
        n->fd = -1;
    }
}

/* Makes the children of a visited directory, and the parts of its files, work for all. */
static void publish(Walk *w, Node *n, Job *jobs) {
    int more = 0;
    for (Job *job = jobs, *next; job; job = next, more++) {
        next = job->next;
        job->next = w->jobs;
        w->jobs = job;
        n->pending++;
    }
    for (uint32_t i = n->nchildren; i--;) {
        Node *child = n->children[i];
        if (child->handed) continue;
        child->next = w->nodes;
        w->nodes = child;
        n->pending++, more++;
    }
    if (w->idle && more > 1) pthread_cond_broadcast(&w->work);
    close_if_over(n);
    if (n->parent) {
        n->parent->pending--;
        close_if_over(n->parent);
    }
}

static void finish(Job *job) {
    if (!--job->shared->left) {
        free(job->shared->entries);
        free(job->shared->names);
    }
    job->node->pending--;
    close_if_over(job->node);
}

static int work_on(Sums *s, Node *n, Job *job, Job **jobs) {
    if (job) return add_files(s, job->node, job->shared->entries, job->from, job->to);
    int fine = visit(s, n, jobs);
    free(n->live);
    n->live = NULL;
    return fine;
}

static void *serve(void *argument) {
    Sums *s = argument;
    Walk *w = s->walk;
    pthread_mutex_lock(&w->lock);
    for (;;) {
        while (!w->stop && !w->nodes && !w->jobs && w->active) {
            w->idle++;
            pthread_cond_wait(&w->work, &w->lock);
            w->idle--;
        }
        Job *job = w->jobs, *jobs = NULL;
        Node *n = job ? NULL : w->nodes;
        if (w->stop || (!job && !n)) break;
        if (job) w->jobs = job->next;
        else w->nodes = n->next;
        w->active++;
        pthread_mutex_unlock(&w->lock);
        int fine = work_on(s, n, job, &jobs);
        if (!fine) fail(w, ENOMEM);
        pthread_mutex_lock(&w->lock);
        w->active--;
        if (job) finish(job);
        else if (fine) publish(w, n, jobs);
        if (!w->nodes && !w->jobs && !w->active) pthread_cond_broadcast(&w->work);
    }
    w->running--;
    pthread_cond_signal(&w->done);
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

static void free_sums(Sums *s) {
    dfa_free(&s->dfa);
    free(s->endings), free(s->by_pattern), free(s->records), free(s->largest);
    free(s->buffer), free(s->entries), free(s->scratch);
    release(&s->arena);
}

static int make_sums(const Program *p, Sums *s, Walk *w) {
    memset(s, 0, sizeof *s);
    s->walk = w;
    s->by_pattern = allocate(NULL, (p->patterns + 1) * sizeof *s->by_pattern);
    s->largest = allocate(NULL, (2 * p->top + 2) * sizeof *s->largest);
    s->scratch = allocate(NULL, (2 * p->words + 1) * sizeof *s->scratch);
    if (!s->by_pattern || !s->largest || !s->scratch || !dfa_make(p, &s->dfa)) return 0;
    memset(s->by_pattern, 0, (p->patterns + 1) * sizeof *s->by_pattern);
    memset(s->largest, 0, (2 * p->top + 2) * sizeof *s->largest);
    return 1;
}

/* Waits until all threads are done, and asks Python now and then whether to go on. Needs the
 * GIL. Returns 0 with an exception. */
static int wait_for(Walk *w, PyObject *poll) {
    int fine = 1, running = 1;
    while (running) {
        Py_BEGIN_ALLOW_THREADS
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_nsec += 100000000;
        until.tv_sec += until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        pthread_mutex_lock(&w->lock);
        for (int late = 0; w->running && !late;) late = pthread_cond_timedwait(&w->done, &w->lock, &until);
        running = w->running;
        pthread_mutex_unlock(&w->lock);
        Py_END_ALLOW_THREADS
        if (!fine || !running) continue;
        fine = !PyErr_CheckSignals();
        if (fine && poll != Py_None) {
            long long seen = __atomic_load_n(&w->seen, __ATOMIC_RELAXED);
            long long bytes = __atomic_load_n(&w->bytes, __ATOMIC_RELAXED);
            PyObject *said = PyObject_CallFunction(poll, "LL", seen, bytes);
            fine = said != NULL;
            Py_XDECREF(said);
        }
        if (!fine) fail(w, EINTR);
    }
    return fine;
}

/* ---- in order ----------------------------------------------------------------------------
 * All that is left is done by one thread, which has the GIL. */

#define RUN 1024 /* entries of one run, at most */

typedef struct { int64_t size, index; Record *record; } Large;

/* What Python gets, as far as it depends on the order of entries. */
typedef struct {
    const Program *p;
    PyObject *paths, *sizes, *counts;      /* of directories, what lies directly in them */
    PyObject *odd, *marks, *folders, *secrets;
    int64_t *column, *runs;                /* sizes of entries; entries and packets of each run */
    size_t entries, entry_room, run_count, run_room;
    int64_t run_entries, run_packets, files, directories, ignored_directories, sent_ignored, announced;
    Large *largest;
    int largest_count;
    char *path;                            /* room for the longest path */
} Order;

/* Appends an object, which is no longer needed then. Returns 0 with an exception. */
static int append(PyObject *list, PyObject *item) {
    int fine = item && list && !PyList_Append(list, item);
    Py_XDECREF(item);
    return fine;
}

static PyObject *text_of(Order *o, const Node *n, const char *name) {
    return PyUnicode_DecodeFSDefaultAndSize(o->path, write_path(n, name, o->path));
}

static int end_run(Order *o) {
    if (!o->run_entries) return 1;
    if (!grow(&o->runs, &o->run_room, o->run_count + 1, sizeof *o->runs)) return PyErr_NoMemory(), 0;
    o->runs[o->run_count++] = o->run_entries;
    o->runs[o->run_count++] = o->run_packets;
    o->run_entries = o->run_packets = 0;
    return 1;
}

static int add_entry(Order *o, int64_t size) {
    if (o->p->counts != PACKETS) return 1;
    if (!grow(&o->column, &o->entry_room, o->entries, sizeof *o->column)) return PyErr_NoMemory(), 0;
    o->column[o->entries++] = size;
    o->run_packets += packets_of(size);
    return ++o->run_entries < RUN || end_run(o);
}

/* Hands back what is called `names` in `n`: files if it is a list, else a directory. */
static int hand_back(Order *o, const Node *n, const char *kind, PyObject *names) {
    if (!names || !end_run(o)) return Py_XDECREF(names), 0;
    PyObject *path = PyUnicode_DecodeFSDefaultAndSize(o->path, n->parent ? write_path(n, "", o->path) - 1 : 0);
    if (!path) return Py_DECREF(names), 0;
    return append(o->odd, Py_BuildValue("(nLsNN)", (Py_ssize_t)o->run_count / 2, (long long)o->files, kind, path, names));
}

/* Adds the directory of `n` to the list that `name` has in `table`. */
static int mark(Order *o, PyObject *table, const char *star, const char *name, const Node *n) {
    PyObject *key = PyUnicode_FromFormat("%s%s", star, name);
    PyObject *list = key ? PyDict_GetItemWithError(table, key) : NULL;
    if (key && !list && !PyErr_Occurred() && (list = PyList_New(0))) {
        if (PyDict_SetItem(table, key, list)) list = NULL;
        else Py_DECREF(list); /* the table has it */
    }
    Py_XDECREF(key);
    return list && append(list, text_of(o, n, ""));
}

static void keep_largest(Order *o, int64_t size, Record *record) {
    int at = o->largest_count;
    while (at && o->largest[at - 1].size < size) at--;
    if (at == o->p->top) return;
    if (o->largest_count < o->p->top) o->largest_count++;
    memmove(o->largest + at + 1, o->largest + at, (o->largest_count - at - 1) * sizeof *o->largest);
    o->largest[at] = (Large){size, o->files, record};
}

static int add_record(Order *o, Node *n, Record *r) {
    int64_t size = n->sizes[r->file];
    const char *end = strrchr(r->name, '.');
    if (r->what & LARGE) keep_largest(o, size, r);
    if (r->tells & MARK && !mark(o, o->marks, "", r->name, n)) return 0;
    if (r->tells & END_MARK && !mark(o, o->marks, "*", end, n)) return 0;
    if (size && r->tells & (SECRET | END_SECRET)) {
        PyObject *prefix = text_of(o, n, "");
        return append(o->secrets, prefix ? Py_BuildValue("(NNL)", prefix, PyUnicode_DecodeFSDefault(r->name),
                                                         (long long)size) : NULL);
    }
    return 1;
}

/* Adds the files of `n` from the place `file` to before `end`. */
static int add_run(Order *o, Node *n, uint32_t file, uint32_t end, size_t *record) {
    while (file < end) {
        Record *r = *record < n->nrecords && n->records[*record].file == file ? &n->records[*record] : NULL;
        if (n->sizes[file] == IS_ODD) {
            PyObject *names = PyList_New(0);
            for (; file < end && n->sizes[file] == IS_ODD; file++)
                if (!append(names, PyUnicode_DecodeFSDefault(n->records[(*record)++].name)))
                    return Py_XDECREF(names), 0;
            if (!hand_back(o, n, "files", names)) return 0;
            continue;
        }
        if (r && !add_record(o, n, r)) return 0;
        *record += r != NULL;
        if (!add_entry(o, n->sizes[file++])) return 0;
        o->files++;
    }
    return 1;
}

/* Adds a directory itself, before all that is in it. */
static int begin(Order *o, Node *n) {
    if (!n->parent) return 1;
    o->ignored_directories += n->ignored;
    if (n->tells && !mark(o, o->folders, "", n->name, n->parent)) return 0;
    if (!n->sent) return 1;
    if (n->odd) return hand_back(o, n->parent, "folder", PyUnicode_DecodeFSDefault(n->name));
    o->directories++;
    o->sent_ignored += n->ignored;
    if (o->p->counts == PACKETS)
        o->announced += required(field(n->path_length) + number(GO_DIRECTORY | n->mode) + number(n->time));
    else if (o->p->counts == TAR) o->announced += 512;
    return add_entry(o, NO_CONTENT);
}

/* Adds what lies directly in a directory to the sums by directory. */
static int add_direct(Order *o, Node *n) {
    return !n->count || (append(o->paths, text_of(o, n, "")) &&
                         append(o->sizes, PyLong_FromLongLong(n->content_bytes)) &&
                         append(o->counts, PyLong_FromLongLong(n->count)));
}

typedef struct { Node *node; uint32_t child, file; size_t record; } Place;

/* Goes through all nodes in the order of the walk. Returns 0 with an exception. */
static int in_order(Order *o, Node *top) {
    Place *stack = NULL;
    size_t depth = 0, room = 0;
    int fine = 1;
    for (Node *next = top; fine && (next || depth);) {
        if (next) {
            if (!grow(&stack, &room, depth, sizeof *stack)) PyErr_NoMemory(), fine = 0;
            else if ((fine = begin(o, next))) stack[depth++] = (Place){next, 0, 0, 0};
            next = NULL;
            continue;
        }
        Place *at = &stack[depth - 1];
        Node *n = at->node;
        uint32_t end = at->child < n->nchildren ? (uint32_t)n->at[at->child] : n->nfiles;
        fine = add_run(o, n, at->file, end, &at->record);
        at->file = end;
        if (!fine || at->child == n->nchildren) {
            fine = fine && add_direct(o, n);
            depth--;
            continue;
        }
        Node *child = n->children[at->child++];
        if (!child->handed) next = child;
        else fine = hand_back(o, n, "tree", PyUnicode_DecodeFSDefault(child->name));
    }
    free(stack);
    return fine && end_run(o);
}

/* ---- before that: which directories are sent ---------------------------------------------- */

/* Returns all nodes, each before those in it; NULL without memory. */
static Node **all_nodes(Node *top, size_t *count) {
    size_t room = 0;
    Node **nodes = NULL;
    *count = 0;
    if (!grow(&nodes, &room, 0, sizeof *nodes)) return NULL;
    nodes[(*count)++] = top;
    for (size_t i = 0; i < *count; i++) /* level by level is enough */
        for (uint32_t j = 0; j < nodes[i]->nchildren; j++) {
            if (!grow(&nodes, &room, *count, sizeof *nodes)) return free(nodes), NULL;
            nodes[(*count)++] = nodes[i]->children[j];
        }
    return nodes;
}

/* Says which ignored directories are sent for what is below, and lists those that Python has to
 * walk: below them lies what cannot be judged here, so that nobody knows whether they are sent. */
static int settle(const Program *p, Node **nodes, size_t count, PyObject *again, char *path) {
    for (size_t i = count; i--;) {
        Node *n = nodes[i];
        if (n->handed) continue;
        n->below |= n->nfiles > 0;
        n->sent = !n->ignored || (n->below && p->options & SENDS_PARENTS);
        if (n->parent) n->parent->below |= n->below || !n->ignored;
    }
    for (size_t i = 0; i < count; i++) {
        Node *top = NULL, *n = nodes[i]->handed ? nodes[i]->parent : nodes[i];
        if (!nodes[i]->handed && !n->has_unjudged) continue;
        for (; n; n = n->parent) if (n->ignored) top = n;
        if (!top) continue;
        write_path(top->parent, top->name, path);
        if (!append(again, PyBytes_FromString(path))) return 0;
    }
    return 1;
}

static int compare_records(const void *a, const void *b) {
    const Record *x = a, *y = b;
    if (x->node != y->node) return x->node < y->node ? -1 : 1;
    return (x->file > y->file) - (x->file < y->file);
}

/* Gives each node its records. Returns them, NULL without memory. */
static Record *share_records(Walk *w, int threads) {
    size_t count = 0, at = 0;
    for (int i = 0; i < threads; i++) count += w->sums[i].record_count;
    Record *all = allocate(NULL, count * sizeof *all);
    if (!all) return NULL;
    for (int i = 0; i < threads; at += w->sums[i++].record_count)
        if (w->sums[i].record_count) memcpy(all + at, w->sums[i].records, w->sums[i].record_count * sizeof *all);
    qsort(all, count, sizeof *all, compare_records);
    for (size_t i = 0; i < count; i++) {
        if (!all[i].node->records) all[i].node->records = &all[i];
        all[i].node->nrecords++;
    }
    return all;
}

/* ---- the module -------------------------------------------------------------------------- */

static PyObject *column(const int64_t *values, size_t count) {
    return PyBytes_FromStringAndSize((const char *)values, count * sizeof *values);
}

/* Adds up what the threads have. Returns a tuple, NULL with an exception. */
static PyObject *result_of(Walk *w, int threads, Order *o) {
    PyObject *endings = PyList_New(0), *patterns = PyList_New(0), *largest = PyList_New(0);
    int64_t ignored_files = 0, ignored_folders = o->ignored_directories, unopened = 0, announced = o->announced, content = 0;
    int fine = endings && patterns && largest;
    for (int i = 0; i < threads; i++) {
        Sums *s = &w->sums[i];
        ignored_files += s->ignored_files, ignored_folders += s->ignored_folders, unopened += s->unopened;
        announced += s->announced, content += s->content;
        for (size_t j = 0; fine && j < s->ending_room; j++)
            if (s->endings[j].text)
                fine = append(endings, Py_BuildValue("(NLL)", PyUnicode_DecodeFSDefault(s->endings[j].text),
                                                     (long long)s->endings[j].bytes, (long long)s->endings[j].count));
        for (int j = 0; fine && j <= w->p->patterns; j++)
            if (s->by_pattern[j].count)
                fine = append(patterns, Py_BuildValue("(iLL)", j - 1, (long long)s->by_pattern[j].bytes,
                                                      (long long)s->by_pattern[j].count));
    }
    for (int i = 0; fine && i < o->largest_count; i++) {
        Large *each = &o->largest[i];
        PyObject *path = text_of(o, each->record->node, each->record->name);
        fine = append(largest, path ? Py_BuildValue("(LLN)", (long long)each->size, (long long)each->index, path) : NULL);
    }
    PyObject *made = !fine ? NULL : Py_BuildValue(
        "((LLLLLLLL)(OOO)OOOOOONNO)", (long long)w->bytes, (long long)o->files, (long long)o->directories,
        (long long)ignored_files, (long long)(ignored_folders - o->sent_ignored), (long long)unopened,
        (long long)announced, (long long)content, o->paths, o->sizes, o->counts, endings, patterns, largest,
        o->marks, o->folders, o->secrets, column(o->column, o->entries), column(o->runs, o->run_count), o->odd);
    Py_XDECREF(endings), Py_XDECREF(patterns), Py_XDECREF(largest);
    return made;
}

/* Returns the outcome of a walk whose threads are done. */
static PyObject *outcome(Walk *w, int threads, Node *top) {
    const Program *p = w->p;
    size_t count, longest = 0;
    Order o = {.p = p};
    PyObject *again = PyList_New(0), *made = NULL;
    Node **nodes = all_nodes(top, &count);
    Record *records = nodes ? share_records(w, threads) : NULL;
    for (size_t i = 0; nodes && i < count; i++) if (nodes[i]->path_length > longest) longest = nodes[i]->path_length;
    o.path = allocate(NULL, longest + NAME_MAX + 3);
    o.largest = allocate(NULL, (p->top + 1) * sizeof *o.largest);
    o.paths = PyList_New(0), o.sizes = PyList_New(0), o.counts = PyList_New(0), o.odd = PyList_New(0);
    o.marks = PyDict_New(), o.folders = PyDict_New(), o.secrets = PyList_New(0);
    if (!nodes || !records || !o.path || !o.largest) PyErr_NoMemory();
    else if (again && o.marks && o.folders && settle(p, nodes, count, again, o.path)) {
        if (PyList_Size(again)) Py_INCREF(made = again);
        else if (in_order(&o, top)) made = result_of(w, threads, &o);
    }
    Py_XDECREF(again), Py_XDECREF(o.paths), Py_XDECREF(o.sizes), Py_XDECREF(o.counts), Py_XDECREF(o.odd);
    Py_XDECREF(o.marks), Py_XDECREF(o.folders), Py_XDECREF(o.secrets);
    free(nodes), free(records), free(o.path), free(o.largest), free(o.column), free(o.runs);
    return made;
}

/* Closes and frees what a walk that was stopped left; takes the children from the nodes. */
static void close_all(Walk *w, Node *top) {
    for (Job *job = w->jobs, *next; job; job = next) {
        next = job->next;
        finish(job);
    }
    for (Node *n = top; n; n = n->nchildren ? n->children[--n->nchildren] : n->parent) {
        if (n->fd >= 0) close(n->fd);
        n->fd = -1;
        free(n->live);
        n->live = NULL;
    }
}

/* Walks with threads, and without them where there are none. Returns what Python gets. */
static PyObject *walk(const Program *p, const char *root, int threads, PyObject *poll) {
    Walk w = {.p = p, .threads = threads, .active = 0};
    pthread_t *thread = allocate(NULL, threads * sizeof *thread);
    w.sums = allocate(NULL, threads * sizeof *w.sums);
    int made = 0, started = 0, fine = thread && w.sums;
    while (fine && made < threads) fine = make_sums(p, &w.sums[made++], &w);
    Node *top = fine ? keep(&w.sums[0].arena, sizeof *top) : NULL;
    PyObject *result = NULL;
    if (top) {
        memset(top, 0, sizeof *top);
        top->name = "", top->is_ascii = 1, top->fate = (Fate){-1, -1};
        top->live = allocate(NULL, (p->words + 1) * sizeof *top->live);
        AGAIN(top->fd, open(root, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    }
    if (!top || !top->live) PyErr_NoMemory();
    else if (top->fd < 0) PyErr_SetFromErrno(PyExc_OSError);
    else {
        memcpy(top->live, p->start, p->words * sizeof *top->live);
        w.nodes = top;
        pthread_condattr_t clock;
        pthread_condattr_init(&clock);
        pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
        pthread_mutex_init(&w.lock, NULL);
        pthread_cond_init(&w.work, NULL);
        pthread_cond_init(&w.done, &clock);
        sigset_t all, old;
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &old); /* signals are for Python's threads */
        w.running = threads;
        for (; started < threads && !pthread_create(&thread[started], NULL, serve, &w.sums[started]); started++);
        pthread_sigmask(SIG_SETMASK, &old, NULL);
        pthread_mutex_lock(&w.lock);
        w.running -= threads - started - !started;
        pthread_mutex_unlock(&w.lock);
        if (!started) { /* this thread's working directory is everybody's */
            w.sums[0].own_directory = -1;
            Py_BEGIN_ALLOW_THREADS
            serve(&w.sums[0]);
            Py_END_ALLOW_THREADS
        }
        fine = wait_for(&w, poll);
        for (int i = 0; i < started; i++) pthread_join(thread[i], NULL);
        pthread_condattr_destroy(&clock), pthread_mutex_destroy(&w.lock);
        pthread_cond_destroy(&w.work), pthread_cond_destroy(&w.done);
        if (fine && w.failed) PyErr_NoMemory();
        else if (fine && top->handed) PyErr_SetString(PyExc_OSError, "left to Python as a whole");
        else if (fine) result = outcome(&w, threads, top);
    }
    close_all(&w, top);
    for (int i = 0; i < made; i++) free_sums(&w.sums[i]);
    free(w.sums), free(thread);
    return result;
}

/* ---- tables ------------------------------------------------------------------------------ */

/* Bytes that no token tells apart share a column, so that the automaton stays small. */
static void make_columns(Program *p) {
    unsigned char apart[256] = {0};
    for (int i = 0; i < p->tokens; i++) {
        if (p->token[i].kind == BYTE) apart[p->token[i].value] = 1;
        p->has_rune |= p->token[i].kind == RUNE;
        for (int c = 0; p->token[i].kind == CLASS && c < 256; c++) apart[c] |= p->classes[p->token[i].value * 256 + c];
    }
    p->columns = 1;
    for (int c = 0; c < 256; c++) if (apart[c]) p->column[c] = p->columns++;
}

/* Makes a table of the pairs in `list`: a text, and what it tells. Returns 0 with an exception. */
static int make_telling(Program *p, PyObject *list) {
    Py_ssize_t count = PyList_Size(list);
    if (count < 0) return 0;
    for (p->telling_mask = 63; p->telling_mask < (size_t)count * 3; p->telling_mask = p->telling_mask * 2 + 1);
    p->telling = allocate(NULL, (p->telling_mask + 1) * sizeof *p->telling);
    if (!p->telling) return PyErr_NoMemory(), 0;
    memset(p->telling, 0, (p->telling_mask + 1) * sizeof *p->telling);
    for (Py_ssize_t i = 0; i < count; i++) {
        Telling each;
        if (!PyArg_ParseTuple(PyList_GetItem(list, i), "yi", &each.text, &each.tells)) return 0;
        each.length = strlen(each.text);
        each.hash = hash_of(each.text, each.length);
        uint32_t at = each.hash & p->telling_mask;
        while (p->telling[at].text) at = (at + 1) & p->telling_mask;
        p->telling[at] = each;
    }
    return 1;
}

/* Returns the texts in `list`, whose bytes stay its own; NULL with an exception. */
static const char **texts_of(PyObject *list, size_t *count) {
    Py_ssize_t size = PyList_Size(list);
    const char **texts = size < 0 ? NULL : allocate(NULL, size * sizeof *texts);
    if (size >= 0 && !texts) PyErr_NoMemory();
    for (*count = 0; texts && *count < (size_t)size; ++*count)
        if (!(texts[*count] = PyBytes_AsString(PyList_GetItem(list, *count)))) return free(texts), NULL;
    return texts;
}

static PyObject *core_add_up(PyObject *self, PyObject *args) {
    (void)self;
    Program p = {0};
    const char *root, *mask[6], *after, *owner, *exceptional, *token, *first, *classes;
    Py_ssize_t size[6], afters, owners, exceptionals, tokens, starts, bytes, longest;
    PyObject *reach, *tells, *hand, *poll, *made = NULL;
    int threads;
    if (!PyArg_ParseTuple(args, "yiiiin(y#y#y#y#y#y#)y#y#y#y#y#y#OOyOO", &root, &threads, &p.options, &p.counts, &p.top, &longest,
            &mask[0], &size[0], &mask[1], &size[1], &mask[2], &size[2], &mask[3], &size[3], &mask[4], &size[4], &mask[5], &size[5],
            &after, &afters, &owner, &owners, &exceptional, &exceptionals, &token, &tokens, &first, &starts, &classes, &bytes,
            &reach, &tells, &p.secret_start, &hand, &poll)) return NULL;
    p.words = size[0] / sizeof(Word);
    p.start = (const Word *)mask[0], p.final = (const Word *)mask[1], p.loop = (const Word *)mask[2];
    p.advance = (const Word *)mask[3], p.exceptions = (const Word *)mask[4], p.whole = (const Word *)mask[5];
    p.after = (const int32_t *)after, p.owner = (const int32_t *)owner, p.patterns = exceptionals;
    p.exceptional = (const unsigned char *)exceptional, p.classes = (const unsigned char *)classes;
    p.token = (const Token *)token, p.tokens = tokens / sizeof(Token);
    p.first = (const int32_t *)first, p.starts = starts / sizeof(int32_t);
    p.longest = longest, p.user = geteuid(), p.secret_start_bytes = strlen(p.secret_start);
    p.reaches_all = reach == Py_None;
    make_columns(&p);
    if (make_telling(&p, tells) && (p.hand = texts_of(hand, &p.handed)) &&
        (p.reaches_all || (p.reach = texts_of(reach, &p.reaches))))
        made = walk(&p, root, threads, poll);
    free(p.telling), free(p.hand), free(p.reach);
    return made;
}

static PyObject *core_allow(PyObject *self, PyObject *count) {
    (void)self;
    allocations_left = PyLong_AsLong(count);
    return PyErr_Occurred() ? NULL : Py_BuildValue("");
}

static PyMethodDef methods[] = {
    {"add_up", core_add_up, METH_VARARGS, "Return the sums of a walk, or a list of directories to be left to Python."},
    {"allow", core_allow, METH_O, "Let so many allocations succeed, all for -1; for tests."},
    {NULL, NULL, 0, NULL}};
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "_core", NULL, -1, methods, NULL, NULL, NULL, NULL};
PyMODINIT_FUNC PyInit__core(void) { return PyModule_Create(&module); }
