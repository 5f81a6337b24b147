#include "base/text.h"
#include "cli/flags/commands.h"
#include "cli/flags/common_flags.h"
#include "cli/render/output.h"
#include "cli/session/containers.h"

namespace stack::cli {

namespace {

constexpr Flag kPortFlags[] = {{0, "protocol", FlagArity::Value, "PROTOCOL", "tcp (default) or udp"},
                               kIndexFlag};
constexpr Example kPortExamples[] = {
    {"stack port web 80", "show the host address for the container's port 80"},
    {"curl http://$(stack port web 80)", "send a request to the published port"}};

Result<int> run_port(Session& session, const Arguments& arguments) {
  auto index = arguments.number("index");
  if (!index) return session.usage_error(index.error().text());
  std::string service = arguments.words[0];
  std::string protocol = lower(arguments.text("protocol", "tcp"));
  std::string wanted = arguments.words[1];
  if (size_t slash = wanted.find('/'); slash != std::string::npos) {
    protocol = lower(wanted.substr(slash + 1));
    wanted = wanted.substr(0, slash);
  }
  if (!is_all_digits(wanted) || wanted.size() > 5)
    return session.usage_error("\"" + wanted + "\" is not a port number");
  TRY_ASSIGN(std::string project_name, session.project_name());
  TRY_ASSIGN(Container container, find_container(session, project_name, service, index->value_or(0)));
  for (const Port& port : container.ports) {
    if (port.private_port != std::stoi(wanted) || port.protocol != protocol || port.public_port == 0)
      continue;
    std::string address = port.ip.find(':') == std::string::npos ? port.ip : "[" + port.ip + "]";
    print_line((address.empty() ? "0.0.0.0" : address) + ":" + std::to_string(port.public_port));
    return 0;
  }
  std::string published = ports_text(container.ports);
  return not_found("port " + wanted + "/" + protocol + " of container " + container.name +
                   " is not published" + (published.empty() ? "" : "; it has " + published));
}

}  // namespace

const Command kPort{
    .name = "port",
    .aliases = {},
    .group = Group::Containers,
    .usage = "[OPTIONS] SERVICE PORT",
    .summary = "Show the host address of a published port",
    .details = "",
    .examples = kPortExamples,
    .flags = kPortFlags,
    .least_words = 2,
    .most_words = 2,
    .words_are_services = true,
    .run = run_port,
};

}  // namespace stack::cli
