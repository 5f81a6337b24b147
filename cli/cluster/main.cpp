// `stack-cluster`: the command line with the clients of clusters. `stack` starts it for commands that concern a cluster.
#include "base/standard_streams.h"
#include "cli/cluster/runner.h"
#include "cli/session/program.h"

int main(int argc, char** argv) {
  stack::open_standard_streams();
  return stack::cli::run_program(std::vector<std::string>(argv, argv + argc),
                                 stack::cli::cluster::run_on_cluster);
}
