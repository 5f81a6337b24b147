#include "cli/cluster/project_load.h"

#include <algorithm>

#include "cli/cluster/image_users.h"
#include "cli/render/output.h"
#include "cli/session/member.h"
#include "http/wire/query.h"

namespace stack::cli::cluster {

namespace {

compose::StringList strings(const Json& list) {
  compose::StringList out;
  if (list.is_array())
    for (const Json& item : list)
      if (item.is_string()) out.push_back(item.get<std::string>());
  return out;
}

std::optional<compose::Healthcheck> healthcheck_of(const Json& config) {
  const Json& health = member(config, "Healthcheck");
  compose::StringList test = strings(member(health, "Test"));
  if (test.empty()) return std::nullopt;
  compose::Healthcheck out;
  if (test[0] == "NONE") {
    out.disable = true;
    return out;
  }
  out.test = std::move(test);
  auto time = [&](const char* key) -> std::optional<Nanoseconds> {
    int64_t value = int_or(health, key);
    return value > 0 ? std::optional(Nanoseconds{value}) : std::nullopt;
  };
  out.interval = time("Interval");
  out.timeout = time("Timeout");
  out.start_period = time("StartPeriod");
  out.start_interval = time("StartInterval");
  if (int64_t retries = int_or(health, "Retries"); retries > 0) out.retries = static_cast<uint64_t>(retries);
  return out;
}

}  // namespace

Result<compose::Loaded> load_project(Session& session, const std::vector<std::string>& services) {
  compose::LoadOptions options = session.load_options();
  options.services = services;
  options.refuse = false;
  auto loaded = compose::load(options);
  if (!loaded) {
    std::string text = compose::render(loaded.error());
    if (text.ends_with('\n')) text.pop_back();
    print_message(text);
    return already_said();
  }
  // Skips messages about what the local engine does not support: the fidelity report covers the target.
  if (session.globals().progress != ProgressMode::Quiet)
    for (const compose::Diagnostic& warning : loaded->warnings)
      if (warning.message.find("not supported") == std::string::npos)
        print_message(compose::render(warning, false));
  return std::move(*loaded);
}

std::map<std::string, targets::ImageFacts> image_facts(Session& session, const compose::Project& project) {
  std::map<std::string, targets::ImageFacts> out;
  auto client = connect_running(session.place());
  if (!client) return out;
  for (const auto& [name, service] : project.services) {
    std::string image = compose::image_name(project, service);
    if (image.empty() || out.contains(image)) continue;
    auto answer = client->call_json("GET", "/images/" + http::percent_encode(image) + "/json");
    if (!answer) continue;
    const Json& config = member(*answer, "Config");
    targets::ImageFacts facts;
    facts.known = true;
    facts.user = string_or(config, "User");
    facts.healthcheck = healthcheck_of(config);
    facts.entrypoint = strings(member(config, "Entrypoint"));
    facts.command = strings(member(config, "Cmd"));
    bool named = std::any_of(project.services.begin(), project.services.end(), [&](const auto& entry) {
      return compose::image_name(project, entry.second) == image && names_users(entry.second);
    });
    if (named) read_users(session, image, facts);
    out[image] = std::move(facts);
  }
  return out;
}

}  // namespace stack::cli::cluster
