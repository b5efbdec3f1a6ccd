/*
 * The first process of a guest, alone in its initramfs: makes the root file system of the machine outside
 * visible, read-only, with a layer in memory for what the guest writes, and hands over to serve.sh there.
 * Ends only in a panic, which ends the guest.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static void must(int result, const char *what) {
  if (result >= 0) return;
  printf("init: %s: %s\n", what, strerror(errno));
  fflush(stdout);
  exit(1);
}

static void load(const char *path) {
  int fd = open(path, O_RDONLY);
  must(fd, path);
  must((int)syscall(SYS_finit_module, fd, "", 0), path);
  close(fd);
}

/* In the order of their names, which is the order in which they need each other. */
static void load_modules(void) {
  struct dirent **names;
  int count = scandir("/modules", &names, NULL, alphasort);
  must(count, "/modules");
  for (int i = 0; i < count; i++) {
    char path[300];
    if (names[i]->d_name[0] == '.') continue;
    snprintf(path, sizeof path, "/modules/%s", names[i]->d_name);
    load(path);
  }
}

static void make(const char *type, const char *source, const char *on, const char *options) {
  mkdir(on, 0755);
  must(mount(source, on, type, 0, options), on);
}

int main(int argc, char **argv) {
  /* The last one: the kernel puts words of its command line that it does not know before it. */
  const char *serve = argv[argc - 1];
  setvbuf(stdout, NULL, _IONBF, 0);
  load_modules();
  /* cache=loose: what lies outside does not change while a guest runs, or the guest need not know. */
  mkdir("/outside", 0755);
  must(mount("outside", "/outside", "9p", MS_RDONLY,
             "trans=virtio,version=9p2000.L,msize=512000,cache=loose,access=any"), "the root file system outside");
  make("tmpfs", "memory", "/memory", "mode=755");
  mkdir("/memory/upper", 0755);
  mkdir("/memory/work", 0755);
  make("overlay", "overlay", "/root", "lowerdir=/outside,upperdir=/memory/upper,workdir=/memory/work");
  must(chdir("/root"), "/root");
  make("proc", "proc", "proc", NULL);
  make("sysfs", "sysfs", "sys", NULL);
  make("devtmpfs", "devtmpfs", "dev", NULL);
  make("devpts", "devpts", "dev/pts", NULL);
  make("tmpfs", "tmpfs", "dev/shm", NULL);
  make("tmpfs", "tmpfs", "run", "mode=755");
  make("9p", "exchange", "run/lab", "trans=virtio,version=9p2000.L,msize=512000,cache=none");
  must(mount(".", "/", NULL, MS_MOVE, NULL), "the new root");
  must(chroot("."), "chroot");
  must(chdir("/"), "/");
  execl("/bin/sh", "sh", serve, NULL);
  must(-1, serve);
}
