/* The cheapest way to send prebuilt messages to many sockets: what delivery is measured against.
   argv: schedule file, count of sockets, then their descriptors. The schedule: start in Unix microseconds (8 bytes), then for
   each message: due after the start in microseconds (8), length (4), where its wall clock stands (4, 0 for nowhere), bytes.
   All numbers are of this machine's own order. Sockets arrive upgraded and with their first messages sent. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/time.h>

struct message { uint64_t due; uint32_t length, wall_at; unsigned char *bytes; };
struct reader { int fd; uint32_t next, done; };   /* the message it is at, and how much of that has gone */

static struct message *messages;
static struct reader *readers;
static uint32_t published;
static int epoll_fd;

static uint64_t now_us(void) {
    struct timeval now;
    gettimeofday(&now, NULL);
    return (uint64_t)now.tv_sec * 1000000 + now.tv_usec;
}

static void watch(struct reader *reader, int events) {
    struct epoll_event event = {.events = events, .data.ptr = reader};
    epoll_ctl(epoll_fd, EPOLL_CTL_MOD, reader->fd, &event);
}

/* As much as the socket takes. Returns 1 when it is not up to date after it. */
static int push(struct reader *reader) {
    while (reader->fd >= 0 && reader->next < published) {
        struct message *message = &messages[reader->next];
        ssize_t sent = send(reader->fd, message->bytes + reader->done, message->length - reader->done, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0) {
            if (errno == EAGAIN) return 1;
            reader->fd = -1;
            return 0;
        }
        reader->done += sent;
        if (reader->done == message->length) { reader->next++; reader->done = 0; }
    }
    return 0;
}

int main(int argc, char **argv) {
    FILE *file = fopen(argv[1], "rb");
    uint32_t count = atoi(argv[2]), total = 0, room = 0;
    uint64_t start, due;
    struct epoll_event events[256];
    if (!file || argc != (int)count + 3 || fread(&start, 8, 1, file) != 1) return 2;
    while (fread(&due, 8, 1, file) == 1) {
        if (total == room) messages = realloc(messages, (room = room ? 2 * room : 256) * sizeof *messages);
        struct message *message = &messages[total++];
        message->due = due;
        if (fread(&message->length, 4, 1, file) != 1 || fread(&message->wall_at, 4, 1, file) != 1) return 2;
        message->bytes = malloc(message->length);
        if (fread(message->bytes, 1, message->length, file) != message->length) return 2;
    }
    epoll_fd = epoll_create1(0);
    readers = calloc(count, sizeof *readers);
    for (uint32_t i = 0; i < count; i++) {
        struct epoll_event event = {.events = 0, .data.ptr = &readers[i]};
        readers[i].fd = atoi(argv[3 + i]);
        epoll_ctl(epoll_fd, EPOLL_CTL_ADD, readers[i].fd, &event);
    }
    while (published < total) {
        uint64_t now = now_us(), at = start + messages[published].due;
        if (now >= at) {
            uint32_t this = published++;
            for (uint32_t i = 0; i < count; i++)
                if (readers[i].next == this && readers[i].done == 0 && push(&readers[i])) watch(&readers[i], EPOLLOUT);
            continue;
        }
        int ready = epoll_wait(epoll_fd, events, 256, (int)((at - now) / 1000) + 1);
        for (int i = 0; i < ready; i++) {
            struct reader *reader = events[i].data.ptr;
            if (!push(reader)) watch(reader, 0);
        }
    }
    return 0;
}
