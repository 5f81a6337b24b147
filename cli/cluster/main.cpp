// `stack-cluster`: the command line with the clients of clusters. `stack` starts it for commands that concern a cluster.
#include "cli/cluster/runner.h"
#include "cli/session/program.h"

int main(int argc, char** argv) {
  return stack::cli::run_program(std::vector<std::string>(argv, argv + argc),
                                 stack::cli::cluster::run_on_cluster);
}
