/*
 * Answers every HTTP request on port 80 of all addresses with the same small page, and closes: a thousand real servers
 * in one process, which costs as little as can be. It prints `ready`, and for each line on stdin how many requests it
 * has answered since it began; it ends with its stdin.
 */
#define _GNU_SOURCE
#include <err.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 3\r\n"
			     "Connection: close\r\n\r\nup\n";

static int listen_on_port_80(void)
{
	struct sockaddr_in here = { .sin_family = AF_INET, .sin_port = htons(80) };
	int one = 1;
	int sock = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	if (sock < 0 || setsockopt(sock, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0)
		err(1, "socket");
	if (bind(sock, (struct sockaddr *)&here, sizeof(here)) < 0 || listen(sock, 4096) < 0)
		err(1, "listen");
	return sock;
}

static void watch(int queue, int fd)
{
	struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

	if (epoll_ctl(queue, EPOLL_CTL_ADD, fd, &event) < 0)
		err(1, "epoll_ctl");
}

int main(void)
{
	static char request[8192];
	struct epoll_event events[256];
	unsigned long answered = 0;
	int queue = epoll_create1(0);
	int sock = listen_on_port_80();

	signal(SIGPIPE, SIG_IGN);
	watch(queue, sock);
	watch(queue, STDIN_FILENO);
	setlinebuf(stdout);
	puts("ready");
	for (;;) {
		int count = epoll_wait(queue, events, 256, -1);

		for (int i = 0; i < count; i++) {
			int fd = events[i].data.fd;

			if (fd == sock) {
				for (int client; (client = accept4(sock, NULL, NULL, SOCK_NONBLOCK)) >= 0;)
					watch(queue, client);
			} else if (fd == STDIN_FILENO) {
				if (read(fd, request, sizeof(request)) <= 0)
					return 0;
				printf("%lu\n", answered);
			} else {
				/* The whole of a request comes at once, or nothing more does. */
				if (read(fd, request, sizeof(request)) > 0 &&
				    write(fd, answer, sizeof(answer) - 1) > 0)
					answered++;
				close(fd);
			}
		}
	}
}
