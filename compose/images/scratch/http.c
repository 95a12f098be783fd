/* A small HTTP server for images that hold nothing else: one static file, no shell, no libraries.
 *
 *   http [--listen ADDRESS] [--port PORT] [--status CODE] [--no-accept]
 *
 * Defaults come from LISTEN (0.0.0.0), PORT (8080) and STATUS (200), so that a compose file can set
 * them either way. GET /healthz and / answer STATUS, every other path 404. --no-accept listens with
 * the smallest queue and never accepts: connections pile up as they do behind a hung program.
 * One process, epoll, so a thousand open connections cost a thousand descriptors and nothing more.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { HEAD_LIMIT = 8192, MOST_EVENTS = 256 };

struct client {
    int fd;
    size_t used;
    char head[HEAD_LIMIT + 1];
};

static const char *listen_address = "0.0.0.0";
static int port = 8080;
static int healthy_status = 200;
static int accepts = 1;

static void end(int number) {
    (void)number;
    _exit(0);
}

static void fail(const char *what) {
    fprintf(stderr, "http: %s: %s\n", what, strerror(errno));
    exit(1);
}

static int number(const char *text, int most, const char *what) {
    char *rest;
    long found = strtol(text, &rest, 10);
    if (*text == '\0' || *rest != '\0' || found < 1 || found > most) {
        fprintf(stderr, "http: %s is not a %s\n", text, what);
        exit(2);
    }
    return (int)found;
}

static void read_settings(int count, char **arguments) {
    const char *value;
    if ((value = getenv("LISTEN")) != NULL && *value != '\0')
        listen_address = value;
    if ((value = getenv("PORT")) != NULL && *value != '\0')
        port = number(value, 65535, "port");
    if ((value = getenv("STATUS")) != NULL && *value != '\0')
        healthy_status = number(value, 599, "status");
    for (int i = 1; i < count; i++) {
        int has_value = i + 1 < count;
        if (has_value && strcmp(arguments[i], "--listen") == 0)
            listen_address = arguments[++i];
        else if (has_value && strcmp(arguments[i], "--port") == 0)
            port = number(arguments[++i], 65535, "port");
        else if (has_value && strcmp(arguments[i], "--status") == 0)
            healthy_status = number(arguments[++i], 599, "status");
        else if (strcmp(arguments[i], "--no-accept") == 0)
            accepts = 0;
        else {
            fprintf(stderr, "usage: http [--listen ADDRESS] [--port PORT] [--status CODE] [--no-accept]\n");
            exit(2);
        }
    }
}

static int open_listener(void) {
    struct sockaddr_storage address = {0};
    struct sockaddr_in *four = (struct sockaddr_in *)&address;
    struct sockaddr_in6 *six = (struct sockaddr_in6 *)&address;
    socklen_t length;
    if (inet_pton(AF_INET, listen_address, &four->sin_addr) == 1) {
        four->sin_family = AF_INET;
        four->sin_port = htons((uint16_t)port);
        length = sizeof *four;
    } else if (inet_pton(AF_INET6, listen_address, &six->sin6_addr) == 1) {
        six->sin6_family = AF_INET6;
        six->sin6_port = htons((uint16_t)port);
        length = sizeof *six;
    } else {
        fprintf(stderr, "http: %s is not an address\n", listen_address);
        exit(2);
    }
    int fd = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int on = 1;
    if (fd < 0)
        fail("socket");
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, (struct sockaddr *)&address, length) != 0)
        fail("bind");
    if (listen(fd, accepts ? 1024 : 0) != 0)
        fail("listen");
    return fd;
}

static const char *reason(int status) {
    if (status < 300)
        return "OK";
    return status < 400 ? "Redirect" : status < 500 ? "Client Error" : "Server Error";
}

/* 0: the connection is over. */
static int answer(struct client *client) {
    char method[16], path[1024], reply[512];
    int status = 404, length;
    if (sscanf(client->head, "%15s %1023s", method, path) != 2)
        return 0;
    if (strcmp(path, "/") == 0 || strcmp(path, "/healthz") == 0)
        status = healthy_status;
    int keep = strstr(client->head, " HTTP/1.1") != NULL && strcasestr(client->head, "\nconnection: close") == NULL;
    const char *body = status == 404 ? "not found\n" : status < 400 ? "ok\n" : "not ok\n";
    length = snprintf(reply, sizeof reply,
                      "HTTP/1.1 %d %s\r\nServer: netdoctor-lab\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\n"
                      "Connection: %s\r\n\r\n%s",
                      status, reason(status), strlen(body), keep ? "keep-alive" : "close",
                      strcmp(method, "HEAD") == 0 ? "" : body);
    return send(client->fd, reply, (size_t)length, MSG_NOSIGNAL) == length && keep;
}

/* Reads what is there and answers every complete request head in it. 0: the connection is over. */
static int serve(struct client *client) {
    ssize_t got = read(client->fd, client->head + client->used, HEAD_LIMIT - client->used);
    if (got < 0)
        return errno == EAGAIN || errno == EINTR;
    if (got == 0)
        return 0;
    client->used += (size_t)got;
    client->head[client->used] = '\0';
    char *last;
    while ((last = strstr(client->head, "\r\n\r\n")) != NULL) {
        size_t size = (size_t)(last - client->head) + 4;
        char kept = client->head[size];
        client->head[size] = '\0';
        int open = answer(client);
        client->head[size] = kept;
        if (!open)
            return 0;
        client->used -= size;
        memmove(client->head, client->head + size, client->used + 1);
    }
    return client->used < HEAD_LIMIT;
}

static void welcome(int poller, int listener) {
    int fd;
    while ((fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0) {
        struct client *client = calloc(1, sizeof *client);
        struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP};
        int on = 1;
        if (client == NULL) {
            close(fd);
            return;
        }
        client->fd = fd;
        event.data.ptr = client;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event);
    }
}

int main(int count, char **arguments) {
    struct sigaction ending = {.sa_handler = end};
    struct rlimit files;
    read_settings(count, arguments);
    /* The first process of a container has no default actions: without a handler SIGTERM is ignored. */
    sigaction(SIGTERM, &ending, NULL);
    sigaction(SIGINT, &ending, NULL);
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    int listener = open_listener();
    int poller = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event own = {.events = EPOLLIN, .data.ptr = NULL};
    if (poller < 0)
        fail("epoll");
    if (!accepts)
        for (;;)
            pause();
    epoll_ctl(poller, EPOLL_CTL_ADD, listener, &own);
    for (;;) {
        struct epoll_event events[MOST_EVENTS];
        int ready = epoll_wait(poller, events, MOST_EVENTS, -1);
        for (int i = 0; i < ready; i++) {
            struct client *client = events[i].data.ptr;
            if (client == NULL)
                welcome(poller, listener);
            else if (!serve(client)) {
                close(client->fd);
                free(client);
            }
        }
    }
}
