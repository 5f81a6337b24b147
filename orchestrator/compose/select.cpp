#include "orchestrator/compose/select.h"

#include <set>
#include <unordered_map>

#include "base/text.h"
#include "orchestrator/compose/jobs.h"

namespace stack::compose {

namespace {

StringList profiles_of(const Node& service) {
  StringList out;
  if (const Node* profiles = service.find("profiles"))
    for (const Node& item : profiles->items)
      if (item.is_scalar()) out.push_back(item.text);
  return out;
}

bool in(const std::vector<std::string>& list, std::string_view word) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

bool active(const StringList& profiles, const std::vector<std::string>& chosen) {
  if (profiles.empty() || in(chosen, "*")) return true;
  // The empty profile is active if no profile is chosen.
  if (chosen.empty() && in(profiles, "")) return true;
  return std::any_of(profiles.begin(), profiles.end(),
                     [&](const std::string& one) { return in(chosen, one); });
}

std::vector<std::string> chosen_profiles(const Session& session) {
  if (!session.options.profiles.empty()) return session.options.profiles;
  std::vector<std::string> out;
  auto found = session.variables.find("COMPOSE_PROFILES");
  if (found == session.variables.end()) return out;
  for (const std::string& part : split(found->second.value, ','))
    if (!trim(part).empty()) out.emplace_back(trim(part));
  return out;
}

class Selector {
 public:
  Selector(Node& services, Session& session) : services_(services), session_(session) {
    for (size_t i = 0; i < services.entries.size(); ++i) places_[services.entries[i].key] = i;
  }

  // The active jobs that run() left out.
  std::vector<Entry> take_jobs() { return std::move(jobs_); }

  Selection run() {
    Selection out;
    out.active_profiles = chosen_profiles(session_);
    std::set<std::string> occurring;
    for (const Entry& service : services_.entries)
      for (const std::string& profile : profiles_of(service.value)) occurring.insert(profile);
    out.all_profiles.assign(occurring.begin(), occurring.end());
    std::vector<std::string> profiles = out.active_profiles;
    if (!activate_named(profiles)) return out;
    if (!session_.options.services.empty()) out.active_profiles = std::move(profiles);
    mark_needed();
    drop(out);
    return out;
  }

 private:
  const Node* find(const std::string& name) const {
    auto found = places_.find(name);
    return found == places_.end() ? nullptr : &services_.entries[found->second].value;
  }

  // Naming a service activates its profiles.
  bool activate_named(std::vector<std::string>& profiles) {
    bool good = true;
    for (const Entry& entry : services_.entries)
      if (!is_job(entry.value) && active(profiles_of(entry.value), profiles)) by_profile_.insert(entry.key);
    for (const std::string& name : named()) {
      const Node* service = find(name);
      if (service == nullptr) {
        std::vector<std::string> names;
        for (const Entry& entry : services_.entries) names.push_back(entry.key);
        std::string near = nearest(name, names);
        session_.report.error({}, "no such service: " + name,
                              near.empty() ? "" : "did you mean \"" + near + "\"?");
        good = false;
        continue;
      }
      if (is_job(*service) && !may_run(name, *service)) {
        good = false;
        continue;
      }
      StringList own = profiles_of(*service);
      if (!active(own, profiles)) profiles.insert(profiles.end(), own.begin(), own.end());
    }
    for (const Entry& entry : services_.entries)
      if (!is_job(entry.value) && active(profiles_of(entry.value), profiles)) enabled_.insert(entry.key);
    for (const std::string& name : named())
      if (const Node* job = find(name); job != nullptr && is_job(*job)) good = enable_job(name, *job) && good;
    return good;
  }

  bool may_run(const std::string& name, const Node& job) {
    if (!session_.options.run_jobs) {
      session_.report.error(
          {}, "job \"" + name + "\" can only be triggered with \"" + session_.options.run_command + "\"");
      return false;
    }
    if (!is_manual_run_forbidden(job)) return true;
    session_.report.error(job.find("triggers")->mark,
                          "job \"" + name + "\" is declared with manual: false, it cannot be run manually");
    return false;
  }

  // With the jobs that it depends on.
  bool enable_job(const std::string& name, const Node& job) {
    if (!enabled_.insert(name).second) return true;
    const Node* dependencies = job.find("depends_on");
    bool good = true;
    for (const Entry& entry : dependencies == nullptr ? std::vector<Entry>() : dependencies->entries) {
      const Node* dependency = find(entry.key);
      if (dependency == nullptr || !is_job(*dependency)) continue;
      if (is_manual_run_forbidden(*dependency)) {
        session_.report.error(entry.mark,
                              "job \"" + entry.key +
                                  "\" is declared with manual: false, it cannot be triggered even as a "
                                  "dependency of another job");
        good = false;
        continue;
      }
      good = enable_job(entry.key, *dependency) && good;
    }
    return good;
  }

  const std::vector<std::string>& named() const {
    const LoadOptions& options = session_.options;
    return options.services.empty() ? options.also_services : options.services;
  }

  void mark_needed() {
    std::vector<std::string> queue = named();
    if (session_.options.services.empty()) queue.insert(queue.end(), by_profile_.begin(), by_profile_.end());
    while (!queue.empty()) {
      std::string name = std::move(queue.back());
      queue.pop_back();
      if (!enabled_.contains(name) || !needed_.insert(name).second || !session_.options.with_dependencies)
        continue;
      const Node* service = find(name);
      const Node* dependencies = service == nullptr ? nullptr : service->find("depends_on");
      if (dependencies == nullptr) continue;
      for (const Entry& entry : dependencies->entries) queue.push_back(entry.key);
    }
  }

  void drop(Selection& out) {
    for (Entry& entry : services_.entries) {
      if (needed_.contains(entry.key)) continue;
      if (is_job(entry.value)) {
        bool active_now = active(profiles_of(entry.value), out.active_profiles);
        out.disabled[entry.key] = {DisabledReason::Job, profiles_of(entry.value),
                                   active_now && is_scheduled(entry.value)};
        if (active_now) jobs_.push_back(entry);
        continue;
      }
      const std::set<std::string>& enabled = session_.options.services.empty() ? by_profile_ : enabled_;
      bool by_profile = !enabled.contains(entry.key);
      out.disabled[entry.key] = {by_profile ? DisabledReason::Profile : DisabledReason::NotSelected,
                                 profiles_of(entry.value), false};
    }
    std::erase_if(services_.entries, [&](const Entry& entry) { return !needed_.contains(entry.key); });
  }

  Node& services_;
  std::vector<Entry> jobs_;
  Session& session_;
  std::unordered_map<std::string, size_t> places_;
  std::set<std::string> by_profile_;  // enabled by the chosen profiles
  std::set<std::string> enabled_;     // and by the profiles of the named services
  std::set<std::string> needed_;
};

void keep_only(Node& tree, const char* section, const std::set<std::string>& used) {
  Node* resources = tree.find(section);
  if (resources == nullptr) return;
  std::erase_if(resources->entries, [&](const Entry& entry) {
    return !entry.key.starts_with("x-") && !used.contains(entry.key);
  });
  if (resources->is_map() && resources->entries.empty()) tree.erase(section);
}

void note_volumes(const Node& mounting, std::set<std::string>& used) {
  const Node* list = mounting.find("volumes");
  if (list == nullptr) return;
  for (const Node& item : list->items)
    if (item.text_of("type") == "volume") used.emplace(item.text_of("source"));
}

void note_sources(const Node* list, std::set<std::string>& used) {
  if (list == nullptr) return;
  for (const Node& item : list->items)
    if (std::string_view source = item.text_of("source"); !source.empty()) used.emplace(source);
}

}  // namespace

Selection select_services(Node& tree, Session& session) {
  Node nothing = map_node({});
  Node* services = tree.find("services");
  Selector selector(services != nullptr && services->is_map() ? *services : nothing, session);
  Selection selection = selector.run();
  if (std::vector<Entry> jobs = selector.take_jobs(); !jobs.empty()) {
    Node section = map_node(jobs.front().mark);
    section.entries = std::move(jobs);
    tree.set("jobs", std::move(section));
  }
  return selection;
}

void drop_unused_resources(Node& tree) {
  std::set<std::string> networks;
  std::set<std::string> volumes;
  std::set<std::string> secrets;
  std::set<std::string> configs;
  std::set<std::string> models;
  if (const Node* services = tree.find("services")) {
    for (const Entry& service : services->entries) {
      if (const Node* map = service.value.find("networks"))
        for (const Entry& entry : map->entries) networks.insert(entry.key);
      note_volumes(service.value, volumes);
      if (const Node* hooks = service.value.find("pre_start"))
        for (const Node& hook : hooks->items) note_volumes(hook, volumes);
      if (const Node* map = service.value.find("models"))
        for (const Entry& entry : map->entries) models.insert(entry.key);
      note_sources(service.value.find("secrets"), secrets);
      note_sources(service.value.find("configs"), configs);
      if (const Node* build = service.value.find("build")) note_sources(build->find("secrets"), secrets);
      if (const Node* spec = service.value.find("credential_spec")) configs.emplace(spec->text_of("config"));
    }
  }
  keep_only(tree, "networks", networks);
  keep_only(tree, "volumes", volumes);
  keep_only(tree, "secrets", secrets);
  keep_only(tree, "configs", configs);
  keep_only(tree, "models", models);
}

}  // namespace stack::compose
