/* The floor: what any program must ask the kernel to know every size in a tree.
 *
 * openat and getdents64 for each directory, fstatat for each entry, nothing else:
 * no sorting, no patterns, no paths. Prints how many entries there are and the
 * bytes of the regular files.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { BUFFER = 1 << 15, DEEPEST = 512, OPEN_DIRECTORY = O_RDONLY | O_DIRECTORY | O_NOFOLLOW };

struct linux_dirent64 {
    unsigned long long d_ino;
    long long d_off;
    unsigned short d_reclen;
    unsigned char d_type;
    char d_name[];
};

static char buffers[DEEPEST][BUFFER] __attribute__((aligned(8)));
static unsigned long long entries, bytes;

static int dots(const char *name)
{
    return name[0] == '.' && (!name[1] || (name[1] == '.' && !name[2]));
}

static int walk(int directory, int depth)
{
    char *buffer = buffers[depth];
    long got;
    if (directory < 0 || depth + 1 == DEEPEST)
        return 1;
    while ((got = syscall(SYS_getdents64, directory, buffer, BUFFER)) > 0) {
        for (long at = 0; at < got;) {
            struct linux_dirent64 *entry = (struct linux_dirent64 *)(buffer + at);
            struct stat status;
            at += entry->d_reclen;
            if (dots(entry->d_name))
                continue;
            if (fstatat(directory, entry->d_name, &status, AT_SYMLINK_NOFOLLOW))
                return 1;
            entries++;
            if (S_ISREG(status.st_mode))
                bytes += status.st_size;
            if (S_ISDIR(status.st_mode)) {
                int child = openat(directory, entry->d_name, OPEN_DIRECTORY);
                if (walk(child, depth + 1))
                    return 1;
                close(child);
            }
        }
    }
    return got < 0;
}

int main(int count, char **arguments)
{
    if (count != 2 || walk(open(arguments[1], OPEN_DIRECTORY), 0)) {
        perror("floor");
        return 1;
    }
    printf("%llu entries, %llu bytes\n", entries, bytes);
    return 0;
}
