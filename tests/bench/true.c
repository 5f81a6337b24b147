/* Ends at once, or with an argument stays until killed. */
#include <unistd.h>

int main(int argc, char** argv) {
  (void)argv;
  while (argc > 1) pause();
  return 0;
}
