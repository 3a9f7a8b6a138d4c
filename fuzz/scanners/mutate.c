/* Mutates files and parses each version after the one before, under AddressSanitizer: what a grammar's scanner does to memory.
 *
 *     mutate COUNT SEED FILE…
 *
 * The mutations are those of `mutated_files_of_every_grammar_end_at_most_a_child` (tests/parser.rs). A child does the work, so that an
 * abort of a grammar is counted and the rest goes on: the report of AddressSanitizer is on stderr. Prints what was done. */
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tree_sitter/api.h"

const TSLanguage *GRAMMAR(void);

enum { MOST = 16000, START = 4000, VERSIONS = 8, ROOM = 1 << 17 };

static const char *SIGNS[] = {"{",  "}",  "(",    ")",          "[", "]",  "\"", "'",  "`",  "<<A",    "<<~'B'", "#{", "${", "\\\n",
                              "\t", "\f", "\n",   "\r\n", "\n        ", "é", "😀", "/*", "*/", "$$", "R\"x(", "```", "- ", "\\"};

static uint64_t state;

static size_t below(size_t bound) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (size_t)(state >> 33) % (bound ? bound : 1);
}

static size_t floored(const char *text, size_t at) {
    while (at > 0 && ((unsigned char)text[at] & 0xC0) == 0x80) at--;
    return at;
}

/* Mutates `text` of `length` bytes, which has room for ROOM, and says what was replaced by how much. */
static size_t mutate(char *text, size_t length, TSInputEdit *edit) {
    static char by[ROOM];
    size_t a = floored(text, below(length + 1)), b = floored(text, below(length + 1)), c = floored(text, below(length + 1));
    size_t from = a < b ? a : b, to = a < b ? b : a;
    size_t near = floored(text, from + 1 + below(60));
    if (below(20) != 0 && near < to) to = near;
    size_t added = 0, at = from, old_end = to;
    switch (below(4)) {
    case 0:
        break;
    case 1:
        memcpy(by, text + from, to - from);
        memcpy(by + (to - from), text + from, to - from);
        added = 2 * (to - from);
        break;
    case 2:
        at = old_end = c;
        memcpy(by, text + from, to - from);
        added = to - from;
        break;
    default: {
        size_t which = below(sizeof SIGNS / sizeof *SIGNS + 1), times = 1 + below(3);
        for (size_t i = 0; i < times; i++) {
            /* One of them is a zero. */
            size_t bytes = which ? strlen(SIGNS[which - 1]) : 1;
            memcpy(by + added, which ? SIGNS[which - 1] : "", bytes);
            added += bytes;
        }
    }
    }
    memmove(text + at + added, text + old_end, length - old_end + 1);
    memcpy(text + at, by, added);
    edit->start_byte = (uint32_t)at;
    edit->old_end_byte = (uint32_t)old_end;
    edit->new_end_byte = (uint32_t)(at + added);
    length = length - (old_end - at) + added;
    if (length > MOST) {
        length = floored(text, MOST);
        text[length] = 0;
    }
    return length;
}

static TSPoint point(const char *text, size_t at) {
    TSPoint point = {0, 0};
    for (size_t i = 0; i < at; i++) {
        point.column++;
        if (text[i] == '\n') point = (TSPoint){point.row + 1, 0};
    }
    return point;
}

struct shared {
    size_t done, aborts, reports, slow;
    uint64_t state;
};

static void work(struct shared *shared, size_t count, int files, char **names) {
    static char text[ROOM], before[ROOM];
    TSParser *parser = ts_parser_new();
    ts_parser_set_language(parser, GRAMMAR());
    while (shared->done < count) {
        /* Whoever goes on after an abort goes on with other numbers. */
        shared->state = state = state * 2862933555777941757u + 3037000493u;
        FILE *file = fopen(names[below((size_t)files)], "rb");
        if (!file) _exit(3);
        size_t length = fread(text, 1, START + 4, file);
        fclose(file);
        if (length > START) length = floored(text, START);
        text[length] = 0;
        alarm(10);
        /* Counted before, so that files which abort as they are come to an end as well. */
        shared->done++;
        TSTree *tree = ts_parser_parse_string(parser, NULL, text, (uint32_t)length);
        for (int version = 0; version < VERSIONS; version++) {
            TSInputEdit edit;
            size_t old = length;
            memcpy(before, text, length + 1);
            length = mutate(text, length, &edit);
            alarm(10);
            if (tree && edit.new_end_byte <= length && length != MOST) {
                edit.start_point = point(before, edit.start_byte);
                edit.old_end_point = point(before, edit.old_end_byte < old ? edit.old_end_byte : old);
                edit.new_end_point = point(text, edit.new_end_byte);
                ts_tree_edit(tree, &edit);
            } else if (tree) {
                ts_tree_delete(tree);
                tree = NULL;
            }
            TSTree *next = ts_parser_parse_string(parser, tree, text, (uint32_t)length);
            if (tree) ts_tree_delete(tree);
            tree = next;
            shared->done++;
        }
        if (tree) ts_tree_delete(tree);
    }
    ts_parser_delete(parser);
    _exit(0);
}

int main(int arguments, char **argument) {
    if (arguments < 4) return 2;
    size_t count = strtoull(argument[1], NULL, 10);
    struct shared *shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    shared->state = strtoull(argument[2], NULL, 10);
    while (shared->done < count) {
        pid_t child = fork();
        if (child == 0) {
            state = shared->state + 1;
            work(shared, count, arguments - 3, argument + 3);
        }
        int status = 0;
        waitpid(child, &status, 0);
        if (WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT) shared->aborts++;
        else if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM) shared->slow++;
        else if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) shared->reports++;
    }
    printf("%zu mutations of %d files, %zu aborts, %zu over 10 s, %zu reports of the sanitizer\n", shared->done, arguments - 3, shared->aborts,
           shared->slow, shared->reports);
    return shared->reports != 0;
}
