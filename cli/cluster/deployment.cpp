#include "cli/cluster/deployment.h"

#include <signal.h>

#include <atomic>

#include "cli/render/output.h"
#include "cli/render/plan_text.h"
#include "cli/session/change.h"

namespace stack::cli::cluster {

namespace {

constexpr int kExitChanges = 2;

std::atomic<bool> interrupted{false};

void on_interrupt(int) { interrupted = true; }

}  // namespace

void catch_interrupts() {
  struct sigaction action{};
  action.sa_handler = on_interrupt;
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
}

bool was_interrupted() { return interrupted.load(); }

int print_failure(const Session& session, const targets::DeployResult& result) {
  ChangeResult shown;
  shown.exit_code = result.exit_code;
  shown.error = result.error;
  shown.detail = result.detail;
  return say_result(session, shown);
}

std::set<std::string> image_names(const compose::Project& project,
                                  const std::map<std::string, targets::ImageFacts>& images) {
  std::set<std::string> out;
  for (const auto& [name, service] : project.services) {
    std::string image = compose::image_name(project, service);
    auto known = images.find(image);
    out.insert(known != images.end() && !known->second.reference.empty() ? known->second.reference : image);
  }
  return out;
}

int print_plan(const Session& session, const OrderedJson& plan, const std::string& project,
               const std::string& format) {
  std::string text = plan.dump(2, ' ', false, OrderedJson::error_handler_t::replace);
  print(format == "json" ? text + "\n" : plan_text(Json::parse(text), project, session.out().color));
  bool changes = plan["changes"].get<int>() > 0;
  return changes && !session.globals().dry_run ? kExitChanges : 0;
}

}  // namespace stack::cli::cluster
