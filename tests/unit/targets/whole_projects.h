// Whole projects: our examples, and files as people write them; shared by all targets.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <regex>
#include <span>
#include <string>
#include <vector>

#include "orchestrator/compose/fields.h"
#include "orchestrator/compose/load.h"
#include "orchestrator/compose/places.h"
#include "orchestrator/targets/fidelity.h"

namespace stack::targets {

inline std::vector<std::string> project_folders() {
  namespace fs = std::filesystem;
  std::vector<std::string> out;
  for (const char* base : {"compose-examples", "tests/unit/targets/projects"})
    for (const fs::directory_entry& entry : fs::directory_iterator(fs::path(STACK_SOURCE_DIR) / base))
      if (entry.is_directory()) out.push_back(entry.path().string());
  std::sort(out.begin(), out.end());
  return out;
}

inline std::string folder_test_name(const testing::TestParamInfo<std::string>& one) {
  return std::regex_replace(std::filesystem::path(one.param).filename().string(), std::regex("[^a-zA-Z0-9]"),
                            "_");
}

// A test of the project in the folder GetParam().
template <typename Conversion, typename ConvertInputs>
class WholeProjectTest : public testing::TestWithParam<std::string> {
 protected:
  WholeProjectTest() {
    compose::LoadOptions options;
    options.current_directory = GetParam();
    options.refuse = false;
    options.environment = {{"API_TOKEN", "t"}, {"GRAFANA_PASSWORD", "p"}};
    auto result = compose::load(options);
    if (result) {
      loaded = std::move(*result);
    } else {
      ADD_FAILURE() << compose::render(result.error());
    }
    conversion = converted();
  }

  Conversion converted() const {
    ConvertInputs inputs;
    inputs.place = [this](const std::string& pointer) { return compose::place_of(loaded, pointer); };
    return convert(loaded.project, inputs);
  }

  compose::Loaded loaded;
  Conversion conversion;
};

// Every key has a verdict, a place in the file, and, if it is not exact, a reason.
inline void expect_every_key_explained(const FidelityReport& report) {
  for (const KeyFidelity& key : report.keys) {
    EXPECT_NE(key.verdict.note, kUnknownKey) << key.key;
    if (key.verdict.level != Fidelity::Exact) {
      EXPECT_FALSE(key.verdict.note.empty()) << key.key;
    }
    if (key.key.starts_with("services.") && !key.key.ends_with(".implicit")) {
      EXPECT_FALSE(key.place.empty()) << key.key;
    }
  }
}

// Collects the names of a type's members.
struct MemberNames {
  std::vector<std::string> names;
  template <typename T>
  void operator()(std::string_view name, T&) {
    names.emplace_back(name);
  }
  void extensions(compose::Extensions&) { names.emplace_back("extensions"); }
};

template <typename T>
void expect_members_covered(std::span<const KeyRule> rules, const std::string& prefix) {
  T value;
  MemberNames visitor;
  compose::fields(visitor, value);
  for (const std::string& name : visitor.names) {
    std::string pattern = prefix + name;
    bool covered = std::any_of(rules.begin(), rules.end(), [&](const KeyRule& rule) {
      std::string have(rule.pattern);
      return have == pattern || have.starts_with(pattern + ".") || pattern.starts_with(have + ".");
    });
    EXPECT_TRUE(covered) << pattern;
  }
}

// The rules of a target have one for every key of the model.
inline void expect_model_covered(std::span<const KeyRule> rules) {
  expect_members_covered<compose::Service>(rules, "services.*.");
  expect_members_covered<compose::Deploy>(rules, "services.*.deploy.");
  expect_members_covered<compose::Healthcheck>(rules, "services.*.healthcheck.");
  expect_members_covered<compose::UpdateConfig>(rules, "services.*.deploy.update_config.");
  expect_members_covered<compose::Placement>(rules, "services.*.deploy.placement.");
  expect_members_covered<compose::Network>(rules, "networks.*.");
  expect_members_covered<compose::Volume>(rules, "volumes.*.");
}

}  // namespace stack::targets
