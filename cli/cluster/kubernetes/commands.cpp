#include "cli/cluster/kubernetes/commands.h"

namespace stack::cli::cluster {

namespace {

struct Row {
  std::string_view command;
  Result<int> (*run)(Session& session, const Arguments& arguments);
};
constexpr Row kRows[] = {
    {"convert", convert_to_kubernetes}, {"deploy", deploy_on_kubernetes}, {"plan", plan_on_kubernetes},
    {"ps", ps_on_kubernetes},           {"logs", logs_on_kubernetes},     {"exec", exec_on_kubernetes},
    {"port", port_on_kubernetes},       {"down", down_on_kubernetes},     {"ls", ls_on_kubernetes},
};

}  // namespace

Result<int> run_on_kubernetes(Session& session, const Arguments& arguments) {
  for (const Row& row : kRows)
    if (row.command == session.command().name) return row.run(session, arguments);
  return unsupported("`" + std::string(session.command().name) + "` does not support the target kubernetes");
}

}  // namespace stack::cli::cluster
