// `stack`: the command line, a client of the engine's API (docs/API.md). As `docker` or `stack docker`,
// it accepts Docker's command line.
#include "base/files.h"
#include "base/standard_streams.h"
#include "cli/session/docker_program.h"
#include "cli/session/program.h"

int main(int argc, char** argv) {
  stack::open_standard_streams();
  std::vector<std::string> words(argv, argv + argc);
  if (words.empty() || stack::base_name(words[0]) != "docker") return stack::cli::run_program(words);
  if (words.size() > 1 && words[1] == "compose") return stack::cli::run_program(words);
  words.erase(words.begin());
  return stack::cli::docker_cli::run_program(words);
}
