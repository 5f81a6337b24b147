#include "orchestrator/plan/replicas.h"

#include <algorithm>

#include "model/labels.h"

namespace stack::orchestrator {
namespace {

constexpr size_t kShortId = 12;

bool is_hexadecimal(std::string_view text) {
  return text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

bool replaces(const ObservedContainer& candidate, const ObservedContainer& old) {
  auto by_label = candidate.labels.find(label::kReplace);
  if (by_label != candidate.labels.end()) return by_label->second == old.id.text();
  return candidate.name.starts_with(old.id.short_text() + "_");
}

// Prefers a final name over a temporary one, and a running container over a stopped one.
bool counts_more(const ObservedContainer* a, const ObservedContainer* b) {
  bool a_final = !is_temporary_name(a->name);
  bool b_final = !is_temporary_name(b->name);
  if (a_final != b_final) return a_final;
  if (a->alive() != b->alive()) return a->alive();
  return a->name != b->name ? a->name < b->name : a->id < b->id;
}

Replica choose(int number, std::vector<const ObservedContainer*> candidates, const std::string& config_hash,
               std::vector<const ObservedContainer*>& leftovers) {
  std::sort(candidates.begin(), candidates.end(), counts_more);
  Replica replica{number, candidates.front(), nullptr};
  for (size_t i = 1; i < candidates.size(); ++i) {
    const ObservedContainer* other = candidates[i];
    bool usable = replica.replacement == nullptr && is_temporary_name(other->name) &&
                  replaces(*other, *replica.current) && other->config_hash == config_hash;
    if (usable) {
      replica.replacement = other;
    } else {
      leftovers.push_back(other);
    }
  }
  return replica;
}

}  // namespace

std::string temporary_name(const ContainerId& old_id, const std::string& final_name) {
  return old_id.short_text() + "_" + final_name;
}

bool is_temporary_name(const std::string& name) {
  return name.size() > kShortId + 1 && name[kShortId] == '_' && is_hexadecimal(name.substr(0, kShortId));
}

ReplicaMatch match_replicas(const DesiredService& service, const ObservedState& observed) {
  std::map<int, std::vector<const ObservedContainer*>> by_number;
  for (const ObservedContainer& container : observed.containers) {
    if (container.service != service.name || container.oneoff || container.number < 1) continue;
    by_number[container.number].push_back(&container);
  }
  ReplicaMatch match;
  for (auto& [number, candidates] : by_number) {
    match.replicas.push_back(choose(number, std::move(candidates), service.config_hash, match.leftovers));
  }
  return match;
}

}  // namespace stack::orchestrator
