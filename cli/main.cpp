// `stack`: the command line. Everything it does, it asks the engine for (docs/API.md).
#include "cli/session/program.h"

int main(int argc, char** argv) {
  return stack::cli::run_program(std::vector<std::string>(argv, argv + argc));
}
